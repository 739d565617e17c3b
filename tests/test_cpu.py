from __future__ import annotations

import os
from pathlib import Path

import pytest

from cifarcnn.cpu import read_cpu_info, usable_cores


def test_the_cores_are_those_that_the_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert usable_cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


def test_a_field_is_that_of_the_first_core_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr("cifarcnn.cpu.CPU_INFO", info)
    assert read_cpu_info("flags") == ""
    info.write_text("processor\t: 0\nflags\t:\n\nflags\t: sse avx\nflags : none\n")
    assert read_cpu_info("flags") == "sse avx"
    assert read_cpu_info("model name") == ""
