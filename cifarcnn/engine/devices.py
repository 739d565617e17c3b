"""The device that Keras runs on, and why a GPU is or is not used."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from cifarcnn.cpu import read_cpu_info, usable_cores
from cifarcnn.engine.determinism import prepare_deterministic, require_deterministic
from cifarcnn.errors import DeviceError, first_line

DeviceChoice = Literal["auto", "cpu", "gpu"]

# Keras's name of each backend, and its own.
_BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
# Keras reads them when it is imported.
_REFUSED = ("KERAS_NNX_ENABLED", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
_GPU_EXTRA = "pip install 'cifarcnn[gpu]'"


@dataclass(frozen=True)
class Device:
    """The device that training and prediction run on.

    Attributes:
        kind: ``cpu`` or ``gpu``.
        description: One line for people: the device, its cores, and the versions.
        threads: How many threads one operation may use on the CPU.
        versions: Version of each package that the numbers depend on, by name.
        note: Why a GPU that this machine has is not used; ``None`` when there is
            nothing to explain.
        backend: Keras's name of what it runs on.
        compute_capability: Of an NVIDIA GPU, such as ``(8, 0)``; ``None``: unknown.
    """

    kind: Literal["cpu", "gpu"]
    description: str
    threads: int
    versions: Mapping[str, str]
    note: str | None = None
    backend: str = "tensorflow"
    compute_capability: tuple[int, int] | None = None


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


def start(device: DeviceChoice, *, deterministic: bool = False) -> Device:
    """Start Keras on a device, and run one small operation there.

    Keras's settings that a file in the home folder can change (the order of the axes
    and the element type) are set to Keras's own defaults.

    Args:
        device: ``cpu`` hides every GPU; ``gpu`` insists on one; ``auto`` takes the GPU
            when TensorFlow lists one, else the CPU.
        deterministic: Whether a GPU is to give the same bits each time.

    Raises:
        DeviceError: The device cannot be used; the message says why.
    """
    if deterministic:
        prepare_deterministic(device)
    _start_keras(_prepare_environment(device))
    from cifarcnn.engine import backend

    engine = backend.reset_settings()
    gpu = backend.choose_gpu(device)
    if device == "gpu" and gpu.name is None:
        raise DeviceError(
            f"The device gpu cannot be used: {gpu.reason} Or train on the device cpu."
        )
    if deterministic and gpu.name is not None:
        require_deterministic()
        backend.forbid_nondeterministic_operations()
    if complaint := backend.try_convolution():
        platforms = os.environ.get("JAX_PLATFORMS", "cpu")
        if engine == "jax" and platforms != "cpu":
            raise DeviceError(
                f"The environment variable JAX_PLATFORMS asks for {platforms!r}, and "
                f"JAX did not work there: {complaint}. Unset it."
            )
        raise DeviceError(describe_failed_operation(gpu.name, complaint))
    versions = _versions(engine)
    software = f"{_BACKENDS.get(engine, engine)} {versions[engine]}"
    software += f", Keras {versions['keras']}"
    kind: Literal["cpu", "gpu"] = "gpu" if gpu.name else "cpu"
    explained = gpu.reason and device == "auto"
    return Device(
        kind,
        f"{kind} ({gpu.name or _describe_cpu()}), {software}",
        usable_cores(),  # TensorFlow starts a thread for each.
        versions,
        f"The GPU is not used: {gpu.reason}" if explained else None,
        engine,
        gpu.compute_capability,
    )


def _prepare_environment(device: DeviceChoice) -> str:
    """Set the variables that Keras and its backend read; the name of the backend.

    Raises:
        DeviceError: A variable asks for what no config says, or for another backend.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if device == "cpu" and os.environ.get("KERAS_BACKEND") == "jax":
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    # Keras's file in the home folder may also ask for this.
    os.environ.setdefault("KERAS_NNX_ENABLED", "false")
    for name in _REFUSED:
        value = os.environ.get(name, "")
        if value.lower() not in ("", "0", "false"):
            raise DeviceError(
                f"The environment variable {name} is {value!r}, which makes Keras do "
                f"what no config of cifarcnn says. Unset it: unset {name}"
            )
    # And name another backend.
    wanted = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if wanted not in _BACKENDS:
        raise DeviceError(
            f"The environment variable KERAS_BACKEND asks for {wanted!r}, but "
            f"cifarcnn runs on {' or '.join(_BACKENDS)}. Unset it to use TensorFlow."
        )
    return wanted


def _start_keras(wanted: str) -> None:
    """Import Keras, which reads the variables then and never again.

    Raises:
        DeviceError: The backend is not installed, or Keras refuses its settings.
    """
    try:
        from cifarcnn.engine import backend  # noqa: F401
    except ModuleNotFoundError as error:
        if wanted == "tensorflow" or error.name not in (wanted, f"{wanted}lib"):
            raise
        raise DeviceError(
            f"The environment variable KERAS_BACKEND asks for {wanted}, but the Python "
            f"package {error.name} is not installed. Install it, or unset "
            "KERAS_BACKEND to use TensorFlow."
        ) from None
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


def _is_about_settings(error: Exception) -> bool:
    """Whether it was raised where Keras reads its file of settings."""
    if isinstance(error, MemoryError | SystemError):
        return False
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    file = Path(trace.tb_frame.f_code.co_filename if trace else "")
    return file.parts[-4:] == ("keras", "src", "backend", "config.py")


def explain_missing_gpu(
    *, driver: bool, hidden: bool, built_with_cuda: bool, system: str
) -> str:
    """Why TensorFlow lists no GPU, and the way out.

    Args:
        driver: Whether the NVIDIA driver is loaded.
        hidden: Whether ``CUDA_VISIBLE_DEVICES`` hides every GPU.
        built_with_cuda: Whether this TensorFlow was compiled for CUDA.
        system: ``Linux``, ``Windows`` or ``Darwin``.
    """
    if system == "Windows":
        return (
            "TensorFlow has no GPU support on Windows itself. Install cifarcnn inside "
            f"WSL2 (Linux on Windows) with {_GPU_EXTRA}."
        )
    if system == "Darwin":
        return "TensorFlow has no support for NVIDIA GPUs on macOS."
    if not driver:
        return (
            "no NVIDIA driver is loaded on this machine. If it has an NVIDIA card, "
            "install the driver; `nvidia-smi` then lists the card."
        )
    if hidden:
        return (
            "the environment variable CUDA_VISIBLE_DEVICES hides every GPU. Unset it."
        )
    if not built_with_cuda:
        return (
            "this TensorFlow was built without CUDA. Replace it: "
            f"pip uninstall tensorflow-cpu tensorflow, then {_GPU_EXTRA}."
        )
    return (
        "the NVIDIA driver is there, but TensorFlow does not find the CUDA libraries. "
        f"Install them: {_GPU_EXTRA}."
    )


def describe_failed_operation(gpu: str | None, complaint: str) -> str:
    """The sentence for a device whose first operation went wrong."""
    if gpu:
        return (
            f"The GPU {gpu} is listed, but a small convolution on it did not work: "
            f"{complaint}. Check the driver and its CUDA libraries ({_GPU_EXTRA}), or "
            "train on the device cpu."
        )
    return (
        f"A small convolution on the CPU did not work: {complaint}. The installation "
        "is broken; install cifarcnn anew in a fresh virtual environment."
    )


def has_nvidia_driver() -> bool:
    """Whether the NVIDIA driver is loaded, on Linux or in WSL2."""
    paths = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
    return any(Path(path).exists() for path in paths)


def _versions(engine: str) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    try:
        versions["cifarcnn"] = version("cifarcnn")
    except PackageNotFoundError:
        versions["cifarcnn"] = "not installed"
    for name in (engine, "keras", "numpy"):
        versions[name] = str(getattr(sys.modules.get(name), "__version__", "unknown"))
    return versions


def _describe_cpu() -> str:
    system = platform.processor() or platform.machine() or "unknown processor"
    cores = usable_cores()
    model = read_cpu_info("model name") or system
    return f"{model}, {cores} core{'' if cores == 1 else 's'}"
