"""Machines that are made up, for processes to find."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Keras imports scikit-learn for a second wherever it is installed.
WITHOUT_SKLEARN = ROOT / "tests" / "without_sklearn"


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
        variables["PYTHONPATH"] = os.pathsep.join(
            map(str, [*packages, WITHOUT_SKLEARN, ROOT])
        )
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
def card(
    driver: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Makes a card: what nvidia-smi says of its memory, then of each process."""

    def make(memory: str = "", *processes: str) -> None:
        driver()
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
