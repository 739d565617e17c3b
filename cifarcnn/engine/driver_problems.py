"""Why no program can compute on this machine's GPU: the driver, and what is around it.

The sentences name the one command that mends it, where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from cifarcnn.engine.machine import Machine

_LISTED = "`nvidia-smi` then lists the card."
# The oldest driver for each version of CUDA, from NVIDIA's "CUDA Compatibility".
OLDEST_DRIVERS = {12: 525, 13: 580}


@dataclass(frozen=True)
class MissingGpu:
    """Why there is no GPU.

    Attributes:
        reason: A sentence that begins in lower case or with a name.
        remedy: A sentence, what to do, with the command; empty where nothing helps.
        command: The one command that mends it, where there is one.
    """

    reason: str
    remedy: str = ""
    command: str | None = None

    def __str__(self) -> str:
        return f"{self.reason} {self.remedy}".rstrip()


def mended_by(reason: str, what: str, command: str) -> MissingGpu:
    """With one command as the remedy; ``what`` it does, without a full stop."""
    return MissingGpu(reason, f"{what}: {command}.", command)


def explain_driver(machine: Machine) -> MissingGpu | None:
    """What keeps every program from the GPU; ``None``: nothing that is known."""
    if not machine.has_driver:
        return _explain_missing_driver(machine)
    if machine.hidden:
        return mended_by(
            "the environment variable CUDA_VISIBLE_DEVICES hides every GPU.",
            "Unset it",
            "unset CUDA_VISIBLE_DEVICES",
        )
    if not machine.has_device_files:
        return _explain_missing_files(machine.in_container)
    if machine.forbidden:
        return MissingGpu(
            f"this user may not read and write {' and '.join(machine.forbidden)}.",
            "`ls -l /dev/nvidia*` shows whose they are; ask for that right.",
        )
    if machine.driver.complaint is not None:
        return _explain_silent_driver(machine.driver.complaint, machine.in_container)
    if machine.driver.error is not None:
        return _explain_driver_error(*machine.driver.error)
    return None


def explain_old_driver(machine: Machine, backend: str, cuda: int) -> MissingGpu | None:
    """Whether the driver is too old for the CUDA that a backend was built for.

    Args:
        machine: What was found.
        backend: Its name.
        cuda: The first number of its version of CUDA.
    """
    newest = machine.driver.cuda
    if newest is None or newest[0] >= cuda:
        return None
    version = f"driver {machine.driver_version or ''}".rstrip()
    return MissingGpu(
        f"the {version} runs CUDA up to {newest[0]}.{newest[1]}, and {backend} was "
        f"built for CUDA {cuda}.",
        f"Update the driver to {OLDEST_DRIVERS[cuda]} or newer.",
    )


def _explain_missing_driver(machine: Machine) -> MissingGpu:
    if machine.in_wsl:
        return MissingGpu(
            "Windows lends this Linux no NVIDIA driver.",
            "Install NVIDIA's driver for Windows, and none inside WSL2; "
            "`wsl --shutdown` starts WSL2 anew.",
        )
    if "NVIDIA" in machine.makers:
        return MissingGpu(
            "this machine has an NVIDIA card, but its driver is not loaded.",
            f"Install the driver, or restart after an update of the system; {_LISTED}",
        )
    if "AMD" in machine.makers:
        return MissingGpu(
            "the card of this machine is AMD's, and cifarcnn computes on NVIDIA's."
        )
    return MissingGpu(
        "no NVIDIA driver is loaded on this machine.",
        f"If it has an NVIDIA card, install the driver; {_LISTED}",
    )


def _explain_missing_files(in_container: bool) -> MissingGpu:
    if in_container:
        return mended_by(
            "the machine has an NVIDIA driver, but this container is given no card.",
            "Start it with that",
            "docker run --gpus all",
        )
    return mended_by(
        "the NVIDIA driver is loaded, but its files /dev/nvidia* are missing.",
        "Have them made",
        "sudo nvidia-modprobe -u -c 0",
    )


def _explain_silent_driver(complaint: str, in_container: bool) -> MissingGpu:
    reason = f"the driver's library libcuda.so.1 cannot be used: {complaint}."
    if in_container:
        return mended_by(
            reason,
            "Start the container with the whole driver",
            "docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        )
    return MissingGpu(reason, f"Install the driver anew and restart; {_LISTED}")


def _explain_driver_error(code: int, words: str) -> MissingGpu:
    """By the codes of ``cuda.h``."""
    error = f"CUDA error {code}: {words}"
    if code == 100:
        return MissingGpu(
            f"the driver finds no card ({error}).",
            "`nvidia-smi` shows whether the driver sees one.",
        )
    if code == 802:
        return mended_by(
            f"the cards are not ready ({error}).",
            "Start what joins them",
            "sudo systemctl start nvidia-fabricmanager",
        )
    if code == 803:
        return mended_by(
            f"the parts of the driver are of different versions ({error}).",
            "Restart the machine",
            "sudo reboot",
        )
    if code == 999:
        return mended_by(
            f"the driver is not well, as after a standby ({error}).",
            "Load it anew",
            "sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm",
        )
    return MissingGpu(
        f"the driver does not start ({error}).", f"Restart the machine; {_LISTED}"
    )
