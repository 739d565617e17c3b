"""The device that Keras runs on, and why a GPU is or is not used."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cifarcnn.cpu import read_cpu_info, usable_cores
from cifarcnn.engine.backend_choice import (
    BACKENDS,
    VARIABLE,
    WITHOUT_XLA,
    ChosenBackend,
    choose_backend,
    describe_missing,
    is_installed,
    join_notes,
)
from cifarcnn.engine.compilation_cache import use_cache
from cifarcnn.engine.cuda_libraries import load_libraries_for
from cifarcnn.engine.determinism import prepare_deterministic, require_deterministic
from cifarcnn.engine.hidden_module import module_hidden
from cifarcnn.engine.missing_gpu import GPU_EXTRA, JAX_EXTRA
from cifarcnn.errors import DeviceError, first_line
from cifarcnn.installed import installed_version
from cifarcnn.literals import Backend, BackendChoice, DeviceCount

if TYPE_CHECKING:
    from cifarcnn.engine.host_addresses import Hosts
    from cifarcnn.engine.hosts import Meeting

DeviceChoice = Literal["auto", "cpu", "gpu"]

# Why a process that was on the CPU before cannot use a GPU.
HIDDEN_EARLIER = "it was hidden earlier in this process (device cpu). Start a new one."
# Keras reads them when it is imported.
_REFUSED = ("KERAS_NNX_ENABLED", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")


@dataclass(frozen=True)
class Device:
    """The device that training and prediction run on.

    Attributes:
        kind: ``cpu`` or ``gpu``.
        description: One line for people: the device, its cores, and the versions.
        threads: How many threads one operation may use on the CPU.
        versions: Version of each package that the numbers depend on, by name.
        note: Why a GPU that this machine has is not used, or a backend that somebody
            asks for, or why compiled programs are not kept; ``None`` when there is
            nothing to explain.
        backend: Keras's name of what it runs on.
        compute_capability: Of an NVIDIA GPU, such as ``(8, 0)``; ``None``: unknown.
        count: How many of its kind train together, on all hosts.
        host_count: How many hosts do.
        host_index: Which of them this is, counted from 0; the first writes the run.
    """

    kind: Literal["cpu", "gpu"]
    description: str
    threads: int
    versions: Mapping[str, str]
    note: str | None = None
    backend: Backend = "tensorflow"
    compute_capability: tuple[int, int] | None = None
    count: int = 1
    host_count: int = 1
    host_index: int = 0

    @property
    def writes(self) -> bool:
        """Whether this host writes the files of the run."""
        return self.host_index == 0


@dataclass(frozen=True)
class ChosenGpu:
    """The GPU that Keras will compute on, or none.

    Attributes:
        name: ``None`` for none.
        compute_capability: As in :class:`Device`.
        reason: Why there is none, where that needs saying.
    """

    name: str | None = None
    compute_capability: tuple[int, int] | None = None
    reason: str | None = None


def start(
    device: DeviceChoice,
    backend: BackendChoice | None = None,
    *,
    configured: BackendChoice = "auto",
    before: str | None = None,
    deterministic: bool = False,
    devices: DeviceCount = 1,
    meeting: Meeting | None = None,
) -> Device:
    """Start Keras on a device, and run one small operation there.

    Keras's settings that a file in the home folder can change (the order of the axes
    and the element type) are set to Keras's own defaults.

    Args:
        device: ``cpu`` hides every GPU; ``gpu`` insists on one; ``auto`` takes the GPU
            when the backend lists one, else the CPU.
        backend: What Keras shall run on; ``None`` leaves it to ``KERAS_BACKEND`` and
            the config, ``auto`` to the machine.
        configured: ``training.backend``.
        before: What a training that goes on now ran on.
        deterministic: Whether a GPU is to give the same bits each time.
        devices: How many of each host are to train together.
        meeting: With the other hosts; ``None``: there are none.

    Raises:
        DeviceError: The device or the backend cannot be used, or there are not as many
            devices; the message says why.
    """
    _prepare_environment(device, deterministic)
    chosen = choose_backend(
        backend,
        configured,
        before,
        gpu_allowed=device != "cpu",
        # JAX does it faster, and alone does it on several hosts.
        several_devices=meeting is not None or (devices != 1 and is_installed("jax")),
    )
    # JAX may be imported already, where it was asked for its GPU.
    cache_note = use_cache(chosen.name)
    if chosen.name == "tensorflow":
        load_libraries_for(device)
    _start_keras(chosen)
    from cifarcnn.engine import backend as started

    started.reset_settings()
    if meeting is not None:
        meeting.start_jax()
    gpu = started.choose_gpu(device)
    if device == "gpu" and gpu.name is None:
        raise DeviceError(
            f"The device gpu cannot be used: {join_notes(gpu.reason, chosen.note)} Or "
            "train on the device cpu."
        )
    if deterministic and gpu.name is not None:
        require_deterministic()
        started.forbid_nondeterministic_operations()
    if complaint := started.try_convolution(on_gpu=gpu.name is not None):
        raise DeviceError(_describe_failure(chosen.name, gpu.name, complaint))
    hosts = None if meeting is None else meeting.hosts
    count = started.count_devices(devices)
    versions = _versions(chosen.name)
    ignored = gpu.reason if device == "auto" else None
    return Device(
        kind="gpu" if gpu.name else "cpu",
        description=_describe(gpu, chosen.name, versions, count, hosts),
        threads=usable_cores(),  # TensorFlow starts a thread for each.
        versions=versions,
        note=join_notes(
            *(ignored and f"The GPU is not used: {ignored}", chosen.note, cache_note),
            WITHOUT_XLA if count > 1 and chosen.name == "tensorflow" else None,
        ),
        backend=chosen.name,
        compute_capability=gpu.compute_capability,
        count=count,
        host_count=hosts.count if hosts else 1,
        host_index=hosts.index if hosts else 0,
    )


def _prepare_environment(device: DeviceChoice, deterministic: bool) -> None:
    """Set the variables that Keras and both backends read when they are imported.

    Raises:
        DeviceError: A variable asks for what no config says, or for the opposite of
            what this one does.
    """
    if deterministic:
        prepare_deterministic(device)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Without it JAX takes three quarters of the card's memory at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    # Keras's file in the home folder may also ask for this.
    os.environ.setdefault("KERAS_NNX_ENABLED", "false")
    for name in _REFUSED:
        value = os.environ.get(name, "")
        if value.lower() not in ("", "0", "false"):
            raise DeviceError(
                f"The environment variable {name} is {value!r}, which makes Keras do "
                f"what no config of cifarcnn says. Unset it: unset {name}"
            )


def _start_keras(chosen: ChosenBackend) -> None:
    """Import Keras, which reads the variables then and never again.

    Raises:
        DeviceError: The backend is not installed, or Keras refuses its settings.
    """
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = chosen.name
    # TensorFlow imports JAX where it is installed, for a converter of its models.
    hidden = module_hidden("jax") if chosen.name == "tensorflow" else nullcontext()
    try:
        with hidden:
            from cifarcnn.engine import backend  # noqa: F401
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if chosen.asked_by is None or package not in (chosen.name, f"{chosen.name}lib"):
            raise
        raise DeviceError(describe_missing(chosen, package)) from None
    except Exception as error:
        if not _is_about_settings(error):
            raise
        folder = os.environ.get("KERAS_HOME", os.path.join("~", ".keras"))
        raise DeviceError(
            f"Keras does not start with its settings in "
            f"{os.path.expanduser(os.path.join(folder, 'keras.json'))}: "
            f"{first_line(error).rstrip('.')}. Mend the file, or remove it; Keras "
            "writes a new one."
        ) from error
    finally:
        # It stays what the user made it.
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def _is_about_settings(error: Exception) -> bool:
    """Whether it was raised where Keras reads its file of settings."""
    if isinstance(error, MemoryError | SystemError):
        return False
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    file = Path(trace.tb_frame.f_code.co_filename if trace else "")
    return file.parts[-4:] == ("keras", "src", "backend", "config.py")


def _describe_failure(backend: Backend, gpu: str | None, complaint: str) -> str:
    platforms = os.environ.get("JAX_PLATFORMS", "cpu")
    if backend == "jax" and platforms != "cpu":
        return (
            f"The environment variable JAX_PLATFORMS asks for {platforms!r}, and "
            f"JAX did not work there: {complaint}. Unset it."
        )
    extra = JAX_EXTRA if backend == "jax" else GPU_EXTRA
    return describe_failed_operation(gpu, complaint, extra)


def describe_failed_operation(gpu: str | None, complaint: str, extra: str) -> str:
    """The sentence for a device whose first operation went wrong."""
    if gpu:
        return (
            f"The GPU {gpu} is listed, but a small convolution on it did not work: "
            f"{complaint}. Check the driver and its CUDA libraries ({extra}), or "
            "train on the device cpu."
        )
    return (
        f"A small convolution on the CPU did not work: {complaint}. The installation "
        "is broken; install cifarcnn anew in a fresh virtual environment."
    )


def _versions(engine: Backend) -> dict[str, str]:
    versions = {
        "python": platform.python_version(),
        "cifarcnn": installed_version("cifarcnn") or "not installed",
    }
    for name in (engine, "keras", "numpy"):
        versions[name] = str(getattr(sys.modules.get(name), "__version__", "unknown"))
    return versions


def _describe(
    gpu: ChosenGpu,
    backend: Backend,
    versions: Mapping[str, str],
    count: int,
    hosts: Hosts | None,
) -> str:
    hardware = f"gpu ({gpu.name})" if gpu.name else f"cpu ({_describe_cpu()})"
    if count > 1:
        where = f" on {hosts.count} hosts" if hosts else ""
        hardware = f"{count} devices{where}, each {hardware}"
    software = f"{BACKENDS[backend]} {versions[backend]}, Keras {versions['keras']}"
    return f"{hardware}, {software}"


def _describe_cpu() -> str:
    cores, model = usable_cores(), read_cpu_info("model name")
    model = model or platform.processor() or platform.machine() or "unknown processor"
    return f"{model}, {cores} core{'' if cores == 1 else 's'}"
