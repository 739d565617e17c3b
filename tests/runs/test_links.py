"""A run whose files lead out of its folder, or make a reader wait for ever."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PLAIN = (
    " is not a plain file. The files of a run are never links, folders or devices; put "
    "the file itself there.\n"
)


def lead_out(path: Path, outside: Path, kind: str) -> None:
    """Put a link to the very same content, a pipe or a device in a file's place."""
    path.rename(outside)
    if kind == "link":
        path.symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("manifest.json", ["predict", "test:0"]),
        ("config.yaml", ["predict", "test:0"]),
        ("config.yaml", ["evaluate"]),
        ("weights.safetensors", ["predict", "test:0", "--keras"]),
        ("metrics.json", ["evaluate"]),
        ("manifest.json", ["explain"]),
    ],
)
def test_it_is_refused(
    trained_run: Path,
    tmp_path: Path,
    name: str,
    arguments: list[str],
    kind: str,
    call: Callable[..., Any],
) -> None:
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    lead_out(run / name, tmp_path / "outside", kind)
    ended = call(*arguments, "--run", run)
    if name == "metrics.json" and kind != "link":
        # What is no file there marks no run as finished.
        assert f"warning: {run} is unfinished" in ended.err
        return
    assert ended.code == 1 and ended.out == ""
    assert ended.err.endswith(f"error: {run / name}{PLAIN}")


def test_a_pointer_to_the_newest_run_leads_nowhere_else(
    trained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[..., Any],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    Path("runs/latest").symlink_to(trained_run)
    ended = call("predict", "test:0")
    assert ended.code == 1
    assert ended.err == (
        f"error: runs/latest points to {str(trained_run)!r}, but it may only name a "
        "folder beside itself. Remove it and name the run with --run DIR.\n"
    )
