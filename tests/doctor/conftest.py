"""Installations and machines that are made up, for real processes to meet."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a package of a given code before the one that is installed."""
    folder = tmp_path / "stubs"
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def write(name: str, code: str) -> Path:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(code)
        return folder

    return write


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts an nvidia-smi before the one that may be installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(script: str) -> None:
        (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "nvidia-smi").chmod(0o755)

    return write
