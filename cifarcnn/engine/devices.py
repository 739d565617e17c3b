"""Keras on a device: what only the framework below Keras can do stands here.

Everything else in the package speaks ``keras`` and ``keras.ops``. With another
backend than TensorFlow the same function starts, by way of Keras alone.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cifarcnn.errors import DeviceError

DeviceChoice = Literal["auto", "cpu", "gpu"]

_BACKENDS = ("tensorflow", "jax")
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
    """

    kind: Literal["cpu", "gpu"]
    description: str
    threads: int
    versions: Mapping[str, str]
    note: str | None = None


@dataclass(frozen=True)
class GpuFacts:
    """What decides whether TensorFlow can use a GPU.

    Attributes:
        listed: Whether TensorFlow lists a GPU.
        driver: Whether the NVIDIA driver is loaded.
        hidden: Whether ``CUDA_VISIBLE_DEVICES`` hides every GPU.
        built_with_cuda: Whether this TensorFlow was compiled for CUDA.
        system: ``Linux``, ``Windows`` or ``Darwin``.
    """

    listed: bool
    driver: bool
    hidden: bool
    built_with_cuda: bool
    system: str


def start(device: DeviceChoice) -> Device:
    """Start Keras on a device, and run one small operation there.

    Keras's settings that a file in the home folder can change (the order of the axes
    and the element type) are set to Keras's own defaults.

    Args:
        device: ``cpu`` hides every GPU; ``gpu`` insists on one; ``auto`` takes the GPU
            when TensorFlow lists one, else the CPU.

    Raises:
        DeviceError: The device cannot be used; the message says why.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if device == "cpu" and os.environ.get("KERAS_BACKEND") == "jax":
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    # Keras's file in the home folder may name another backend.
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend not in _BACKENDS:
        raise DeviceError(
            f"The environment variable KERAS_BACKEND asks for {backend!r}, but "
            f"cifarcnn runs on {' or '.join(_BACKENDS)}. Unset it to use TensorFlow."
        )
    try:
        import keras
    except ModuleNotFoundError as error:
        raise DeviceError(describe_missing_module(backend, str(error.name))) from None

    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    if keras.config.backend() == "tensorflow":
        gpu, reason = _choose_in_tensorflow(device)
    else:
        gpu, reason = _choose_in_keras(device)
    if device == "gpu" and gpu is None:
        raise DeviceError(
            f"The device gpu cannot be used: {reason} Or train on the device cpu."
        )
    _try_operation(gpu)
    versions = _versions()
    threads = _threads()
    hardware = gpu if gpu else f"{_cpu_model()}, {_count(threads)}"
    engine = keras.config.backend()
    names = {"tensorflow": "TensorFlow", "jax": "JAX"}
    engine_text = f"{names.get(engine, engine)} {versions[engine]}"
    kind: Literal["cpu", "gpu"] = "gpu" if gpu else "cpu"
    return Device(
        kind=kind,
        description=f"{kind} ({hardware}), {engine_text}, Keras {versions['keras']}",
        threads=threads,
        versions=versions,
        note=f"The GPU is not used: {reason}" if reason and device == "auto" else None,
    )


def explain_missing_gpu(facts: GpuFacts) -> str | None:
    """Why TensorFlow lists no GPU, and the way out; ``None`` when it lists one."""
    if facts.listed:
        return None
    if facts.system == "Windows":
        return (
            "TensorFlow has no GPU support on Windows itself. Install cifarcnn inside "
            f"WSL2 (Linux on Windows) with {_GPU_EXTRA}."
        )
    if facts.system == "Darwin":
        return "TensorFlow has no support for NVIDIA GPUs on macOS."
    if not facts.driver:
        return (
            "no NVIDIA driver is loaded on this machine. If it has an NVIDIA card, "
            "install the driver; `nvidia-smi` then lists the card."
        )
    if facts.hidden:
        return (
            "the environment variable CUDA_VISIBLE_DEVICES hides every GPU. Unset it."
        )
    if not facts.built_with_cuda:
        return (
            "this TensorFlow was built without CUDA. Replace it: "
            f"pip uninstall tensorflow-cpu tensorflow, then {_GPU_EXTRA}."
        )
    return (
        "the NVIDIA driver is there, but TensorFlow does not find the CUDA libraries. "
        f"Install them: {_GPU_EXTRA}."
    )


def _choose_in_tensorflow(device: DeviceChoice) -> tuple[str | None, str | None]:
    """The name of the GPU to use, or ``None`` and why not."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    try:
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
            return None, None
        for gpu in gpus:
            # Without it TensorFlow takes the whole memory of the card.
            tf.config.experimental.set_memory_growth(gpu, True)
    except (RuntimeError, ValueError) as error:
        # TensorFlow fixes its devices at the first operation of a process.
        if device == "cpu" and tf.config.list_logical_devices("GPU"):
            raise DeviceError(
                "The device cpu cannot be chosen any more: TensorFlow already uses a "
                "GPU in this process. Start a new one."
            ) from error
    if device == "cpu":
        return None, None
    if gpus and not tf.config.get_visible_devices("GPU"):
        return None, (
            "it was hidden earlier in this process (device cpu). Start a new one."
        )
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return str(details.get("device_name", gpus[0].name)), None
    facts = GpuFacts(
        listed=bool(gpus),
        driver=_has_nvidia_driver(),
        hidden=os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"),
        built_with_cuda=bool(tf.test.is_built_with_cuda()),
        system=platform.system(),
    )
    # A machine without a card needs no explanation unless one was asked for.
    wanted = device == "gpu" or facts.driver
    return None, explain_missing_gpu(facts) if wanted else None


def _choose_in_keras(device: DeviceChoice) -> tuple[str | None, str | None]:
    """The same with what Keras offers for every backend."""
    import keras

    gpus: list[str] = []
    if device != "cpu":
        # Without a GPU, JAX raises where TensorFlow gives an empty list.
        with contextlib.suppress(RuntimeError):
            gpus = keras.distribution.list_devices("gpu")
    if gpus:
        return str(gpus[0]), None
    backend = keras.config.backend()
    if device == "gpu":
        return None, (
            f"Keras's backend {backend} lists none. Install its CUDA variant, or unset "
            "KERAS_BACKEND to use TensorFlow."
        )
    return None, None


def _try_operation(gpu: str | None) -> None:
    """Run a 3x3 convolution over ones, which gives nines."""
    import keras

    try:
        image = keras.ops.ones((1, 4, 4, 1), dtype="float32")
        kernel = keras.ops.ones((3, 3, 1, 1), dtype="float32")
        result = keras.ops.convert_to_numpy(
            keras.ops.conv(image, kernel, padding="valid")
        )
        complaint = "" if (result == 9.0).all() else f"it gave {result.ravel()[0]}"
    except Exception as error:
        # Whatever a broken driver or library raises here, the user needs its text.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        complaint = f"it failed with: {lines[0]}"
    if complaint:
        raise DeviceError(describe_failed_operation(gpu, complaint))


def describe_missing_module(backend: str, module: str) -> str:
    """The sentence for a backend of Keras that is not installed."""
    return (
        f"The environment variable KERAS_BACKEND asks for {backend}, but the Python "
        f"package {module} is not installed. Install it, or unset KERAS_BACKEND to use "
        "TensorFlow."
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


def _has_nvidia_driver() -> bool:
    places = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
    return any(Path(place).exists() for place in places)


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    import keras
    import numpy

    versions: dict[str, str] = {"python": platform.python_version()}
    try:
        versions["cifarcnn"] = version("cifarcnn")
    except PackageNotFoundError:
        versions["cifarcnn"] = "not installed"
    backend = keras.config.backend()
    module: Any = sys.modules.get(backend)
    versions[backend] = str(getattr(module, "__version__", "unknown"))
    versions["keras"] = str(keras.__version__)
    versions["numpy"] = str(numpy.__version__)
    return versions


def _threads() -> int:
    """The cores that this process may use; TensorFlow starts a thread for each."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _count(cores: int) -> str:
    return "1 core" if cores == 1 else f"{cores} cores"


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown processor"
