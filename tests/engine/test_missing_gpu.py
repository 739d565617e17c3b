"""Why there is no GPU: every reason, and the one command that mends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cifarcnn.engine.cuda_libraries import TensorFlowBuild
from cifarcnn.engine.machine import Machine
from cifarcnn.engine.missing_gpu import explain_for_jax, explain_for_tensorflow
from cifarcnn.engine.nvidia_driver import Card, Driver

CARD = Card("NVIDIA X", 24 << 30, (8, 6), "GPU-1")
WELL = Machine(driver_version="535.10", driver=Driver((12, 2), (CARD,)))
BUILD = TensorFlowBuild(Path("/p/tensorflow"), (12, 5), (6, 0))
EXTRA = "pip install 'cifarcnn[gpu]'"
JAX_EXTRA = "pip install 'cifarcnn[gpu-jax]'"
LISTED = "`nvidia-smi` then lists the card."
RUN_WITH_ALL = "docker run --gpus all"


@pytest.mark.parametrize(
    ("machine", "sentence", "command"),
    [
        (
            Machine(has_driver=False),
            "no NVIDIA driver is loaded on this machine. If it has an NVIDIA card, "
            f"install the driver; {LISTED}",
            None,
        ),
        (
            Machine(has_driver=False, makers=frozenset({"AMD", "NVIDIA"})),
            "this machine has an NVIDIA card, but its driver is not loaded. Install "
            f"the driver, or restart after an update of the system; {LISTED}",
            None,
        ),
        (
            Machine(has_driver=False, makers=frozenset({"AMD"})),
            "the card of this machine is AMD's, and cifarcnn computes on NVIDIA's.",
            None,
        ),
        (
            Machine(has_driver=False, in_wsl=True),
            "Windows lends this Linux no NVIDIA driver. Install NVIDIA's driver for "
            "Windows, and none inside WSL2; `wsl --shutdown` starts WSL2 anew.",
            None,
        ),
        (
            replace(WELL, hidden=True),
            "the environment variable CUDA_VISIBLE_DEVICES hides every GPU. Unset it: "
            "unset CUDA_VISIBLE_DEVICES",
            "unset CUDA_VISIBLE_DEVICES",
        ),
        (
            replace(WELL, has_device_files=False, in_container=True),
            "the machine has an NVIDIA driver, but this container is given no card. "
            f"Start it with that: {RUN_WITH_ALL}",
            RUN_WITH_ALL,
        ),
        (
            replace(WELL, has_device_files=False),
            "the NVIDIA driver is loaded, but its files /dev/nvidia* are missing. Have "
            "them made: sudo nvidia-modprobe -u -c 0",
            "sudo nvidia-modprobe -u -c 0",
        ),
        (
            replace(WELL, forbidden=("/dev/nvidia0", "/dev/nvidiactl")),
            "this user may not read and write /dev/nvidia0 and /dev/nvidiactl. `ls -l "
            "/dev/nvidia*` shows whose they are; ask for that right.",
            None,
        ),
        (
            replace(WELL, driver=Driver(complaint="no such file")),
            "the driver's library libcuda.so.1 cannot be used: no such file. Install "
            f"the driver anew and restart; {LISTED}",
            None,
        ),
        (
            replace(WELL, driver=Driver(complaint="no such file"), in_container=True),
            "the driver's library libcuda.so.1 cannot be used: no such file. Start the "
            f"container with the whole driver: {RUN_WITH_ALL} -e "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
            f"{RUN_WITH_ALL} -e NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        ),
        (
            replace(WELL, driver=Driver(error=(100, "no device"))),
            "the driver finds no card (CUDA error 100: no device). `nvidia-smi` shows "
            "whether the driver sees one.",
            None,
        ),
        (
            replace(WELL, driver=Driver(error=(802, "not yet"))),
            "the cards are not ready (CUDA error 802: not yet). Start what joins them: "
            "sudo systemctl start nvidia-fabricmanager",
            "sudo systemctl start nvidia-fabricmanager",
        ),
        (
            replace(WELL, driver=Driver(error=(803, "mismatch"))),
            "the parts of the driver are of different versions (CUDA error 803: "
            "mismatch). Restart the machine: sudo reboot",
            "sudo reboot",
        ),
        (
            replace(WELL, driver=Driver(error=(999, "unknown"))),
            "the driver is not well, as after a standby (CUDA error 999: unknown). "
            "Load it anew: sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm",
            "sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm",
        ),
        (
            replace(WELL, driver=Driver(error=(2, "out of memory"))),
            "the driver does not start (CUDA error 2: out of memory). Restart the "
            f"machine; {LISTED}",
            None,
        ),
    ],
)
def test_what_keeps_every_program_from_the_card_is_told_for_both(
    machine: Machine, sentence: str, command: str | None
) -> None:
    for found in (
        explain_for_tensorflow(machine, BUILD, ()),
        explain_for_jax(machine, 12),
    ):
        assert (str(found), found.command) == (sentence, command)


@pytest.mark.parametrize(
    ("machine", "build", "sentence", "command"),
    [
        (
            Machine("Windows"),
            None,
            "TensorFlow has no GPU support on Windows itself. Install cifarcnn inside "
            f"WSL2 (Linux on Windows) with {EXTRA}.",
            None,
        ),
        (
            Machine("Darwin"),
            BUILD,
            "TensorFlow has no support for NVIDIA GPUs on macOS.",
            None,
        ),
        (
            WELL,
            None,
            f"TensorFlow is not installed. Install it: {EXTRA}",
            EXTRA,
        ),
        (
            WELL,
            TensorFlowBuild(Path("/p")),
            "this TensorFlow was built without CUDA. Replace it: pip uninstall -y "
            f"tensorflow-cpu tensorflow && {EXTRA}",
            f"pip uninstall -y tensorflow-cpu tensorflow && {EXTRA}",
        ),
        (
            replace(WELL, processor="aarch64"),
            TensorFlowBuild(Path("/p")),
            "TensorFlow's packages for aarch64 are built without CUDA. Compute on JAX: "
            f"{JAX_EXTRA}",
            JAX_EXTRA,
        ),
        (
            replace(WELL, driver=Driver((11, 8), (CARD,)), driver_version="520.1"),
            BUILD,
            "the driver 520.1 runs CUDA up to 11.8, and TensorFlow was built for CUDA "
            "12. Update the driver to 525 or newer.",
            None,
        ),
        (
            replace(
                WELL,
                driver=Driver((12, 2), (replace(CARD, compute_capability=(5, 2)),)),
            ),
            BUILD,
            "TensorFlow computes on cards of compute capability 6.0 or more, and the "
            "NVIDIA X has 5.2.",
            None,
        ),
    ],
)
def test_each_reason_of_tensorflow_has_its_way_out(
    machine: Machine,
    build: TensorFlowBuild | None,
    sentence: str,
    command: str | None,
) -> None:
    found = explain_for_tensorflow(machine, build, ())
    assert (str(found), found.command) == (sentence, command)
