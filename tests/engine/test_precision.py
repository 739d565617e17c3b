from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cifarcnn import engine
from cifarcnn.engine import precision


@pytest.fixture(scope="module")
def cpu() -> engine.Device:
    return engine.start("cpu")


@pytest.fixture
def cpu_info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for Linux's file, and is missing at first."""
    monkeypatch.setattr("cifarcnn.cpu.CPU_INFO", tmp_path / "cpuinfo")
    return tmp_path / "cpuinfo"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu sse avx512f avx512_bf16 avx512_vnni", "mixed_bfloat16"),
        ("fpu amx_tile amx_bf16", "mixed_bfloat16"),
        ("fpu sse avx2 avx512f avx512_vnni", "float32"),
    ],
)
def test_a_cpu_needs_instructions_for_bfloat16(cpu, cpu_info: Path, flags, expected):
    cpu_info.write_text(f"processor\t: 0\nmodel name\t: X\nflags\t\t: {flags}\n\n")
    assert engine.choose_precision("auto", cpu) == expected


def test_a_cpu_that_says_nothing_computes_in_float32(cpu, cpu_info: Path):
    assert engine.choose_precision("auto", cpu) == "float32"
    cpu_info.write_text("processor: 0\n")
    assert engine.choose_precision("auto", cpu) == "float32"


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        (None, "float32"),
        ((6, 1), "float32"),
        ((7, 0), "mixed_float16"),
        ((7, 5), "mixed_float16"),
        ((8, 0), "mixed_bfloat16"),
        ((9, 0), "mixed_bfloat16"),
        ((12, 0), "mixed_bfloat16"),
    ],
)
def test_a_gpu_is_judged_by_its_compute_capability(cpu, capability, expected):
    gpu = replace(cpu, kind="gpu", compute_capability=capability)
    assert engine.choose_precision("auto", gpu) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [((8, 0), (8, 0)), ("12.1", (12, 1)), (None, None), ("", None), ((9,), None)],
)
def test_backends_spell_it_in_two_ways(value, expected):
    assert precision.parse_compute_capability(value) == expected


def test_auto_looks_at_the_device_and_others_are_obeyed(cpu, cpu_info: Path):
    cpu_info.write_text("flags : avx512_bf16\n")
    assert engine.choose_precision("auto", cpu) == "mixed_bfloat16"
    for choice in ("float32", "mixed_bfloat16", "mixed_float16"):
        assert engine.choose_precision(choice, cpu) == choice
    assert engine.choose_precision("auto", replace(cpu, backend="jax")) == "float32"
    gpu = replace(cpu, kind="gpu", compute_capability=(7, 0))
    assert engine.choose_precision("auto", gpu) == "mixed_float16"
