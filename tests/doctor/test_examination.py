"""A whole machine that is made up: its driver, its cards, its libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.doctor.examination import can_train, examine, list_findings
from cifarcnn.doctor.section import Finding, Section, format_bytes, look

Stub = Callable[[str, str], Path]
LIMIT = 60.0
SEES_NOTHING = """
from types import SimpleNamespace
config = SimpleNamespace(
    list_physical_devices=lambda kind: [],
    experimental=SimpleNamespace(get_device_details=None),
)
"""
# What libcuda.so.1 has of what the driver is asked for; two cards.
LIBCUDA = """
#include <string.h>
int cuDriverGetVersion(int *v) { *v = 12040; return 0; }
int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int size, int device) {
  strncpy(name, device ? "NVIDIA B" : "NVIDIA A", size); return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = (device + 1) * 12000000000ul; return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? 8 : 6; return 0;
}
int cuDeviceGetUuid(char *uuid, int device) { memset(uuid, device, 16); return 0; }
int cuGetErrorString(int code, const char **words) { *words = "?"; return 0; }
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a driver for CUDA 12.4 and two cards."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no C compiler on this machine")
    root = tmp_path / "root"
    (root / "proc/driver/nvidia").mkdir(parents=True)
    (root / "proc/driver/nvidia/version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\n"
    )
    (root / "dev").mkdir()
    (root / "dev/nvidia0").touch()
    (root / "proc/meminfo").write_text("MemAvailable: 1000000 kB\n")
    library = tmp_path / "lib/libcuda.so.1"
    library.parent.mkdir()
    (tmp_path / "cuda.c").write_text(LIBCUDA)
    subprocess.run(
        ["gcc", "-shared", "-o", str(library), str(tmp_path / "cuda.c")], check=True
    )
    monkeypatch.setattr("cifarcnn.engine.nvidia_driver.ROOT", root)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    smi = tmp_path / "bin/nvidia-smi"
    smi.parent.mkdir()
    smi.write_text(
        "#!/bin/sh\n"
        "echo 'GPU-01010101-0101-0101-0101-010101010101, 5000'\n"
        "echo 'GPU-00000000-0000-0000-0000-000000000000, 11000'\n"
    )
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{smi.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("machine")
def test_a_machine_whose_cards_nobody_sees(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In this process too, which reads what it was built for.
    monkeypatch.syspath_prepend(str(stub("tensorflow", SEES_NOTHING)))
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)
    told: list[str] = []
    sections = {each.key: each for each in examine(LIMIT, told.append)}
    assert sections["nvidia"].lines == [
        ("driver", "550.54.14"),
        ("CUDA", "up to 12.4"),
        ("card 0", "NVIDIA A, 12.0 GB, 11.5 GB free, compute capability 8.6"),
        ("card 1", "NVIDIA B, 24.0 GB, 5.2 GB free, compute capability 8.6"),
    ]
    assert sections["cpu"].facts["free_memory_bytes"] == 1_024_000_000
    reason = "TensorFlow sees no GPU: this TensorFlow was built without CUDA."
    (finding,) = sections["cuda_libraries"].findings
    assert finding.message == reason
    assert finding.command is not None and "cifarcnn[gpu]" in finding.command
    assert finding in list_findings(list(sections.values()))
    # A TensorFlow that does nothing else trains nothing.
    assert not can_train(list(sections.values()))
    assert told == [
        "importing NumPy, Pillow and LiteRT",
        "asking TensorFlow for its GPUs",
        "looking for data sets and caches",
        "a small convolution on each device",
        "starting as a training does",
    ]


def test_each_command_is_given_once() -> None:
    mend = Finding("NumPy is broken.", "pip install numpy")
    also = Finding("Keras does not start.", "pip install numpy")
    free = Finding("Free memory.")
    sections = [
        Section("a", "A", {}, [], [mend, free]),
        Section("b", "B", {}, [], [also, free]),
    ]
    assert list_findings(sections) == [mend, free]


def test_a_package_that_is_missing_is_told_once_with_the_command() -> None:
    def examine_nothing() -> Section:
        raise ModuleNotFoundError("No module named 'yaml.x'", name="yaml.x")

    mend = Finding("yaml is not installed.", "pip install pyyaml", "yaml")
    sections = [Section("a", "A", {}, [], [mend]), look("b", "B", examine_nothing)]
    assert list_findings(sections) == [mend]


def test_what_cannot_be_looked_at_is_told_and_the_rest_goes_on() -> None:
    def examine_nothing() -> Section:
        raise OSError(5, "Input/output error", "/proc/cpuinfo")

    section = look("cpu", "CPU", examine_nothing)
    reason = "OSError: [Errno 5] Input/output error: '/proc/cpuinfo'"
    assert section == Section(
        "cpu",
        "CPU",
        {"error": reason},
        [("error", reason)],
        [Finding(f"CPU could not be looked at: {reason}.")],
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (2_340_000, "2.34 MB"),
        (999_400_000, "999 MB"),
        (79_600_000_000, "79.6 GB"),
        (1_234_500_000_000, "1,234.5 GB"),
    ],
)
def test_bytes_are_told_in_powers_of_a_thousand(count: int | None, text: str) -> None:
    assert format_bytes(count) == text
