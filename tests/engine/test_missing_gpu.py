"""Why there is no GPU: every reason, and the one command that mends it."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cifarcnn.engine.cuda_libraries import CudaLibrary, TensorFlowBuild, package_folders
from cifarcnn.engine.machine import Machine
from cifarcnn.engine.missing_gpu import (
    explain_for_jax,
    explain_for_tensorflow,
    installed_jax_plugin,
)
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
            "unset CUDA_VISIBLE_DEVICES.",
            "unset CUDA_VISIBLE_DEVICES",
        ),
        (
            replace(WELL, has_device_files=False, in_container=True),
            "the machine has an NVIDIA driver, but this container is given no card. "
            f"Start it with that: {RUN_WITH_ALL}.",
            RUN_WITH_ALL,
        ),
        (
            replace(WELL, has_device_files=False),
            "the NVIDIA driver is loaded, but its files /dev/nvidia* are missing. Have "
            "them made: sudo nvidia-modprobe -u -c 0.",
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
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility.",
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
            "sudo systemctl start nvidia-fabricmanager.",
            "sudo systemctl start nvidia-fabricmanager",
        ),
        (
            replace(WELL, driver=Driver(error=(803, "mismatch"))),
            "the parts of the driver are of different versions (CUDA error 803: "
            "mismatch). Restart the machine: sudo reboot.",
            "sudo reboot",
        ),
        (
            replace(WELL, driver=Driver(error=(999, "unknown"))),
            "the driver is not well, as after a standby (CUDA error 999: unknown). "
            "Load it anew: sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm.",
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
            f"TensorFlow is not installed. Install it: {EXTRA}.",
            EXTRA,
        ),
        (
            WELL,
            TensorFlowBuild(Path("/p")),
            "this TensorFlow was built without CUDA. Replace it: pip uninstall -y "
            f"tensorflow-cpu tensorflow && {EXTRA}.",
            f"pip uninstall -y tensorflow-cpu tensorflow && {EXTRA}",
        ),
        (
            replace(WELL, processor="aarch64"),
            TensorFlowBuild(Path("/p")),
            "TensorFlow's packages for aarch64 are built without CUDA. Compute on JAX: "
            f"{JAX_EXTRA}.",
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


FOUND = CudaLibrary("libcudart.so.12", "nvidia-cuda-runtime-cu12", "/lib/x")
SOLVER = CudaLibrary("libcusolver.so.11", "nvidia-cusolver-cu12")
CUDNN = CudaLibrary("libcudnn.so.9", "nvidia-cudnn-cu12")
CUBLAS = CudaLibrary("libcublas.so.12", "nvidia-cublas-cu12")
BROKEN = replace(CUDNN, error="/p/libcudnn.so.9: wrong ELF class")
COMPILER = CudaLibrary("libnvrtc.so.12", "nvidia-cuda-nvrtc-cu12", required=False)


def explain(*libraries: CudaLibrary) -> tuple[str, str | None]:
    found = explain_for_tensorflow(WELL, BUILD, (FOUND, *libraries))
    return str(found), found.command


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "path", ["", "/u/site-packages", "/else", *sys.path])
    found = package_folders()
    assert found[1] == Path("/u/site-packages")
    assert Path("/else") not in found
    return ", ".join(f"{each}/nvidia/*/lib" for each in found)


def test_a_missing_library_is_named_with_where_it_was_looked_for(folders: str) -> None:
    looked = "not where the system looks (LD_LIBRARY_PATH, ldconfig), nor in"
    assert explain(SOLVER) == (
        f"TensorFlow does not find libcusolver.so.11 of CUDA 12: {looked} {folders}. "
        f"Install it: {EXTRA}.",
        EXTRA,
    )
    assert explain(SOLVER, CUDNN, CUBLAS) == (
        "TensorFlow does not find libcusolver.so.11, libcudnn.so.9 and libcublas.so.12 "
        f"of CUDA 12: {looked} {folders}. Install it: {EXTRA}.",
        EXTRA,
    )


def test_a_library_that_pip_takes_to_be_there_is_installed_anew(
    folders: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "nvidia_cusolver_cu12-11.7.5.82.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Name: nvidia-cusolver-cu12\nVersion: 11.7.5.82\n")
    monkeypatch.syspath_prepend(tmp_path)
    sentence, command = explain(SOLVER)
    assert command == "pip install --force-reinstall --no-deps nvidia-cusolver-cu12"
    assert sentence.endswith(f". Install it: {command}.")


def test_a_library_that_does_not_load_is_told_in_the_words_of_the_loader(
    folders: str,
) -> None:
    command = "pip install --force-reinstall --no-deps nvidia-cudnn-cu12"
    assert explain(BROKEN) == (
        "TensorFlow cannot load /p/libcudnn.so.9: wrong ELF class. Install it: "
        f"{command}.",
        command,
    )
    sentence, command_of_both = explain(BROKEN, SOLVER)
    assert sentence.endswith(
        f"{folders}. TensorFlow cannot load /p/libcudnn.so.9: wrong ELF class. Install "
        f"it: {command_of_both}."
    )
    assert command_of_both == f"{command} nvidia-cusolver-cu12"


def test_what_tensorflow_can_do_without_is_not_the_reason() -> None:
    command = (
        "TF_CPP_MIN_LOG_LEVEL=0 python -c 'import tensorflow as tf; "
        'tf.config.list_physical_devices("GPU")\''
    )
    assert explain(COMPILER) == (
        "the driver and its libraries are there, but TensorFlow takes no card. It says "
        f"more with: {command}.",
        command,
    )


OLDER_EXTRA = "pip install 'cifarcnn[gpu-jax-cuda12]'"
OTHER_JAX = f"pip uninstall -y jax-cuda13-plugin jax-cuda13-pjrt && {OLDER_EXTRA}"
ASK_JAX = "python -c 'import jax; jax.devices(\"gpu\")'"


@pytest.mark.parametrize(
    ("machine", "plugin", "platforms", "sentence", "command"),
    [
        (
            Machine("Windows"),
            None,
            "",
            "JAX has no GPU support on Windows itself. Install cifarcnn inside WSL2 "
            f"(Linux on Windows) with {JAX_EXTRA}.",
            None,
        ),
        (
            replace(WELL, driver=Driver((13, 0), (CARD,))),
            None,
            "",
            f"JAX is installed without CUDA. Add it: {JAX_EXTRA}.",
            JAX_EXTRA,
        ),
        (
            WELL,
            None,
            "",
            f"JAX is installed without CUDA. Add it: {OLDER_EXTRA}.",
            OLDER_EXTRA,
        ),
        (
            WELL,
            12,
            "cpu",
            "the environment variable JAX_PLATFORMS is 'cpu'. Unset it: unset "
            "JAX_PLATFORMS.",
            "unset JAX_PLATFORMS",
        ),
        (
            WELL,
            12,
            "cpu,cuda",
            "the environment variable JAX_PLATFORMS is 'cpu,cuda'. Unset it: unset "
            "JAX_PLATFORMS.",
            "unset JAX_PLATFORMS",
        ),
        (
            WELL,
            13,
            "cuda,cpu",
            "the driver 535.10 runs CUDA up to 12.2, and JAX was built for CUDA 13. "
            f"Update the driver to 580 or newer, or take JAX for CUDA 12: {OTHER_JAX}.",
            OTHER_JAX,
        ),
        (
            replace(WELL, driver=Driver((11, 8), (CARD,)), driver_version=None),
            13,
            "",
            "the driver runs CUDA up to 11.8, and JAX was built for CUDA 13. Update "
            "the driver to 580 or newer.",
            None,
        ),
        (
            WELL,
            12,
            "",
            "the driver is there, but JAX takes no card. It says more with: "
            f"{ASK_JAX}.",
            ASK_JAX,
        ),
    ],
)
def test_each_reason_of_jax_has_its_way_out(
    machine: Machine,
    plugin: int | None,
    platforms: str,
    sentence: str,
    command: str | None,
) -> None:
    found = explain_for_jax(machine, plugin, platforms)
    assert (str(found), found.command) == (sentence, command)


def test_the_plugin_of_jax_is_known_by_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed_jax_plugin() is None
    for cuda in (12, 13):
        metadata = tmp_path / f"jax_cuda{cuda}_plugin-0.11.2.dist-info/METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Name: jax-cuda{cuda}-plugin\nVersion: 0.11.2\n")
        importlib.invalidate_caches()
        assert installed_jax_plugin() == cuda
