from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cifarcnn.cpu import usable_cores
from cifarcnn.doctor.machine import examine_cpu, examine_environment, examine_system


def made_up(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without any of the variables that matter."""
    for name in examine_environment().facts:
        monkeypatch.delenv(name)
    return monkeypatch


def test_the_system_is_named_with_its_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.release", lambda: "6.6.87-microsoft-standard-WSL2")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    root = made_up(tmp_path, run__x="")
    assert examine_system(root).facts == {
        "name": "Linux",
        "release": "6.6.87-microsoft-standard-WSL2",
        "distribution": None,
        "architecture": "x86_64",
        "python_executable": sys.executable,
        "wsl": True,
        "container": False,
    }
    (root / "run/.containerenv").touch()
    (root / "etc").mkdir()
    (root / "etc/os-release").write_text('NAME=Bär\nPRETTY_NAME="Bär Linux 9"\n')
    section = examine_system(root)
    assert section.facts["distribution"] == "Bär Linux 9"
    assert section.lines == [
        (
            "system",
            "Linux 6.6.87-microsoft-standard-WSL2, Bär Linux 9, x86_64, in WSL2, in a "
            "container",
        ),
        ("Python is", sys.executable),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("flags : avx2 avx512_bf16 amx_bf16", ["avx512_bf16", "amx_bf16"]),
        ("flags : avx512_fp16 avx", ["avx512_fp16"]),
        ("Features : fp asimd asimdhp bf16", ["bf16", "fp16"]),
        ("flags : sse2", []),
        ("processor : 0", None),
    ],
)
def test_sixteen_bit_arithmetic_is_read_from_the_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: list[str] | None
) -> None:
    monkeypatch.setattr("cifarcnn.cpu.CPU_INFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(f"model name\t: A CPU\n{text}\n")
    section = examine_cpu(tmp_path)
    assert section.facts["sixteen_bit"] == found
    expected = "unknown: the system does not say"
    if found is not None:
        expected = ", ".join(found) or "no instructions for it"
    assert dict(section.lines)["16 bits"] == expected


def test_without_proc_the_cpu_is_still_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifarcnn.cpu.CPU_INFO", tmp_path / "nothing")
    section = examine_cpu(tmp_path)
    assert section.facts["usable_cores"] == usable_cores()
    assert section.facts["avx"] is None
    assert section.findings == []


def test_the_free_memory_is_that_which_the_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemAvailable: 2000000 kB\n")
    section = examine_cpu(tmp_path)
    assert section.facts["free_memory_bytes"] == 2_048_000_000
    assert dict(section.lines)["free memory"] == "2.0 GB"


def test_variables_that_matter_are_shown_and_only_those(
    environment: pytest.MonkeyPatch,
) -> None:
    assert examine_environment().lines == [("", "none of those that matter is set")]
    given = {
        "KERAS_BACKEND": "jax",
        "CUDA_VISIBLE_DEVICES": "",
        "XLA_FLAGS": "--xla_dump_to=/tmp",
        "TF_CPP_MIN_LOG_LEVEL": "0",
        "LD_LIBRARY_PATH": "/usr/local/cuda/lib64",
        "CIFARCNN_DATA": "/data",
    }
    others = {"TF_VAR_db": "x", "TF_CLI_ARGS": "y", "MY_KERAS_X": "1", "AWS_X": "2"}
    for name, value in {**given, **others}.items():
        environment.setenv(name, value)
    section = examine_environment()
    assert section.facts == given
    assert section.lines == sorted(given.items())


def test_nothing_secret_is_shown(environment: pytest.MonkeyPatch) -> None:
    sources = "https://me:pa@mirror.example/x/ https://b.example/c.gz?sig=abc&x=1"
    environment.setenv("CIFARCNN_DATA_SOURCES", sources)
    environment.setenv("JAX_API_TOKEN", "abc")
    assert examine_environment().facts == {
        "CIFARCNN_DATA_SOURCES": (
            "https://...@mirror.example/x/ https://b.example/c.gz?..."
        ),
        "JAX_API_TOKEN": "(not shown)",
    }
