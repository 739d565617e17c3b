"""Why TensorFlow or JAX lists no GPU on this machine, and what mends it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cifarcnn.engine.cuda_libraries import (
    CudaLibrary,
    TensorFlowBuild,
    load_cuda_libraries,
    package_folders,
    read_tensorflow_build,
)
from cifarcnn.engine.driver_problems import (
    MissingGpu,
    explain_driver,
    explain_old_driver,
    mended_by,
)
from cifarcnn.engine.machine import Machine, inspect_machine
from cifarcnn.installed import installed_version
from cifarcnn.literals import Backend

GPU_EXTRA = "pip install 'cifarcnn[gpu]'"
JAX_EXTRA = "pip install 'cifarcnn[gpu-jax]'"
# For drivers older than 580.
OLDER_JAX_EXTRA = "pip install 'cifarcnn[gpu-jax-cuda12]'"
_REPLACE_JAX = (
    f"pip uninstall -y jax-cuda13-plugin jax-cuda13-pjrt && {OLDER_JAX_EXTRA}"
)


def explain_missing_gpu(
    backend: Backend,
    machine: Machine | None = None,
    libraries: Sequence[CudaLibrary] | None = None,
) -> MissingGpu:
    """Why a backend of Keras lists no GPU on this machine.

    Args:
        backend: Which.
        machine: From :func:`inspect_machine`, which is asked where it is ``None``.
        libraries: What became of those that TensorFlow needs; ``None``: they are loaded
            to see that.
    """
    machine = machine or inspect_machine()
    if backend == "jax":
        platforms = os.environ.get("JAX_PLATFORMS", "")
        return explain_for_jax(machine, installed_jax_plugin(), platforms)
    if libraries is None:
        libraries = load_cuda_libraries() if machine.has_driver else ()
    return explain_for_tensorflow(machine, read_tensorflow_build(), libraries)


def installed_jax_plugin() -> int | None:
    """The version of CUDA that the installed JAX computes with; ``None``: none."""
    plugins = (cuda for cuda in (13, 12) if installed_version(f"jax-cuda{cuda}-plugin"))
    return next(plugins, None)


def explain_for_tensorflow(
    machine: Machine,
    build: TensorFlowBuild | None,
    libraries: Sequence[CudaLibrary],
) -> MissingGpu:
    """Why TensorFlow lists no GPU.

    Args:
        machine: From :func:`inspect_machine`.
        build: What it was built for; ``None``: not installed.
        libraries: What became of the libraries that it needs.
    """
    return (
        _explain_system(machine.system, "TensorFlow", GPU_EXTRA)
        or explain_driver(machine)
        or _explain_build(machine, build)
        or explain_old_driver(machine, "TensorFlow", 12)
        or _explain_libraries(libraries)
        or _explain_old_cards(machine, build)
        or mended_by(
            "the driver and its libraries are there, but TensorFlow takes no card.",
            "It says more with",
            "TF_CPP_MIN_LOG_LEVEL=0 python -c 'import tensorflow as tf; "
            'tf.config.list_physical_devices("GPU")\'',
        )
    )


def explain_for_jax(
    machine: Machine, plugin: int | None, platforms: str = ""
) -> MissingGpu:
    """Why JAX lists no GPU.

    Args:
        machine: From :func:`inspect_machine`.
        plugin: From :func:`installed_jax_plugin`.
        platforms: The environment variable ``JAX_PLATFORMS``.
    """
    if found := _explain_system(machine.system, "JAX", JAX_EXTRA):
        return found
    if found := explain_driver(machine):
        return found
    # JAX computes on the first of them.
    if platforms and platforms.split(",")[0] not in ("cuda", "gpu"):
        return mended_by(
            f"the environment variable JAX_PLATFORMS is {platforms!r}.",
            "Unset it",
            "unset JAX_PLATFORMS",
        )
    if plugin is None:
        newest = machine.driver.cuda or (13, 0)
        extra = JAX_EXTRA if newest >= (13, 0) else OLDER_JAX_EXTRA
        return mended_by("JAX is installed without CUDA.", "Add it", extra)
    if old := explain_old_driver(machine, "JAX", plugin):
        # Every driver that runs CUDA 12 does for the other JAX.
        if plugin == 13 and explain_old_driver(machine, "JAX", 12) is None:
            remedy = f"{old.remedy[:-1]}, or take JAX for CUDA 12: {_REPLACE_JAX}."
            return MissingGpu(old.reason, remedy, _REPLACE_JAX)
        return old
    return mended_by(
        "the driver is there, but JAX takes no card.",
        "It says more with",
        "python -c 'import jax; jax.devices(\"gpu\")'",
    )


def _explain_system(system: str, backend: str, extra: str) -> MissingGpu | None:
    if system == "Windows":
        return MissingGpu(
            f"{backend} has no GPU support on Windows itself.",
            f"Install cifarcnn inside WSL2 (Linux on Windows) with {extra}.",
        )
    if system == "Darwin":
        return MissingGpu(f"{backend} has no support for NVIDIA GPUs on macOS.")
    return None


def _explain_build(
    machine: Machine, build: TensorFlowBuild | None
) -> MissingGpu | None:
    if build is None:
        return mended_by("TensorFlow is not installed.", "Install it", GPU_EXTRA)
    if build.cuda is not None:
        return None
    if machine.processor not in ("x86_64", "AMD64"):
        return mended_by(
            f"TensorFlow's packages for {machine.processor} are built without CUDA.",
            "Compute on JAX",
            JAX_EXTRA,
        )
    return mended_by(
        "this TensorFlow was built without CUDA.",
        "Replace it",
        f"pip uninstall -y tensorflow-cpu tensorflow && {GPU_EXTRA}",
    )


def _explain_libraries(libraries: Sequence[CudaLibrary]) -> MissingGpu | None:
    """Which library TensorFlow lacks, and where it was looked for."""
    lacking = [each for each in libraries if each.required and each.path is None]
    if not lacking:
        return None
    missing = [each.name for each in lacking if each.error is None]
    broken = [each.error for each in lacking if each.error is not None]
    reasons = []
    if missing:
        folders = ", ".join(str(each / "nvidia/*/lib") for each in package_folders())
        reasons.append(
            f"TensorFlow does not find {_join(missing)} of CUDA 12: not where the "
            f"system looks (LD_LIBRARY_PATH, ldconfig), nor in {folders}."
        )
    if broken:
        reasons.append(f"TensorFlow cannot load {_join(broken)}.")
    packages = dict.fromkeys(each.package for each in lacking)
    command = GPU_EXTRA
    if broken or any(map(installed_version, packages)):
        # pip would leave alone what it takes to be there.
        command = f"pip install --force-reinstall --no-deps {' '.join(packages)}"
    return mended_by(" ".join(reasons), "Install it", command)


def _explain_old_cards(
    machine: Machine, build: TensorFlowBuild | None
) -> MissingGpu | None:
    least = build.compute_capability if build else None
    cards = machine.driver.cards
    if not cards or least is None:
        return None
    if any(card.compute_capability >= least for card in cards):
        return None
    major, minor = cards[0].compute_capability
    return MissingGpu(
        f"TensorFlow computes on cards of compute capability {least[0]}.{least[1]} or "
        f"more, and the {cards[0].name} has {major}.{minor}."
    )


def _join(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
