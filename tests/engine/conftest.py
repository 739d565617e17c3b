"""Made-up machines: small shared libraries with the names of real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What TensorFlow calls of the driver before it lists a card. `FAILURE` is what cuInit
# answers.
DRIVER = """
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#ifndef FAILURE
#define FAILURE 0
#endif
int cuInit(unsigned flags) { BEFORE; return FAILURE; }
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int length, int device)
{ strncpy(name, "NVIDIA Made-Up", length); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device)
{ *bytes = (size_t)24 << 30; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device)
{ *value = attribute == 75 ? 8 : attribute == 76 ? 6 : 0; return 0; }
int cuDeviceGetUuid(char *uuid, int device) { memset(uuid, 0x1a, 16); return 0; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{ *flags = 0; *active = 0; return 0; }
int cuGetErrorString(int code, const char **words) { *words = "made up"; return 0; }
int cuGetErrorName(int code, const char **name) { *name = "MADE_UP"; return 0; }
"""


def compile_library(
    file: Path, source: str, needs: Sequence[Path] = (), options: Sequence[str] = ()
) -> Path:
    """A shared library of a source in C; its name for the loader is the file's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-x", "none"]
    command += [f"-Wl,-soname,{file.name}", "-Wl,--no-as-needed", *map(str, needs)]
    subprocess.run(
        [*command, *options, "-o", file], input=source, text=True, check=True
    )
    return file


@pytest.fixture(scope="session")
def _gcc() -> None:
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("needs Linux and gcc")


@pytest.fixture
def library(_gcc: None) -> Callable[..., Path]:
    return compile_library


@pytest.fixture
def driver(_gcc: None, tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with a driver; options go to the compiler."""

    def make(before: str = "", *options: str) -> Path:
        folder = tmp_path / "driver"
        compile_library(
            folder / "libcuda.so.1", DRIVER, options=[f"-DBEFORE={before}", *options]
        )
        return folder

    return make


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script in a process of its own, on a machine below ``root``."""

    def run(
        script: str,
        packages: Sequence[Path] = (),
        *options: str,
        **environment: str | Path,
    ) -> subprocess.CompletedProcess[str]:
        given = {key: str(value) for key, value in environment.items()}
        # The tests see no GPU; this machine has one.
        variables = {**os.environ, "CUDA_VISIBLE_DEVICES": "0", **given}
        variables["PYTHONPATH"] = os.pathsep.join(map(str, [*packages, ROOT]))
        beginning = (
            "from pathlib import Path\n"
            "from cifarcnn.engine import nvidia_driver\n"
            f"nvidia_driver.ROOT = Path({str(tmp_path / 'root')!r})\n"
        )
        return subprocess.run(
            [sys.executable, *options, "-c", beginning + script],
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def loaded_driver(tmp_path: Path) -> Path:
    """The root of a machine where the kernel has the driver."""
    root = tmp_path / "root"
    (root / "proc/driver/nvidia").mkdir(parents=True)
    (root / "proc/driver/nvidia/version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\n"
        "GCC version:  gcc version 12.2.0\n"
    )
    (root / "dev").mkdir()
    for name in ("nvidia0", "nvidiactl"):
        (root / "dev" / name).touch()
    return root


@pytest.fixture
def card(
    driver: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Makes a card: what nvidia-smi says of its memory, then of each process."""

    def make(memory: str = "", *processes: str) -> None:
        monkeypatch.setenv("LD_LIBRARY_PATH", str(driver()))
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "memory").write_text(f"{memory}\n" if memory else "")
        (tools / "processes").write_text("".join(f"{each}\n" for each in processes))
        program = tools / "nvidia-smi"
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tools}/asked\n'
            f'case "$2" in *=memory*) cat {tools}/memory ;;\n'
            f"*) cat {tools}/processes ;; esac\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    return make
