"""A signal in the middle of the decoding: at once, without orphans and half files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

# As a terminal does for Ctrl-C; two processes decode also where there is one core.
COMMAND = """
from cifarcnn.data.decoding import decode
decode.usable_cores = lambda: 2
from cifarcnn.cli.main import main
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four hundred names of a picture of 4 megapixels, in two classes."""
    noise = np.random.default_rng(0).integers(0, 256, (2000, 40, 3), np.uint8)
    first = tmp_path / "first.png"
    Image.fromarray(np.tile(noise, (1, 50, 1))).save(first, compress_level=1)
    for number in range(400):
        path = tmp_path / "mine" / f"class{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(first, path)
    return tmp_path / "mine"


@pytest.fixture
def decoding(folder: Path, tmp_path: Path) -> subprocess.Popen[str]:
    """A command that is in the middle of it."""
    environment = {**os.environ, "CIFARCNN_CACHE": str(tmp_path / "cache")}
    settings = ["data.dataset=folder", f"data.path={folder}"]
    options = [part for setting in settings for part in ("--set", setting)]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "data", "show", *options],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "decoding 400 pictures ...\n"
    return process


def workers(parent: int) -> list[int]:
    """The processes that a process has started."""
    try:
        tasks = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except FileNotFoundError:
        pytest.skip("this system does not list the children of a process")
    return [int(pid) for pid in tasks.split()]


def wait_for_end(pids: list[int]) -> None:
    end = time.monotonic() + 60
    while any(map(_is_running, pids)):
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(decoding, tmp_path, number):
    started = workers(decoding.pid)
    decoding.send_signal(number)
    _, stderr = decoding.communicate(timeout=60)
    assert (decoding.returncode, stderr) == (128 + number, "interrupted\n")
    assert len(started) == 2
    wait_for_end(started)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_after_a_kill_there_are_no_orphans_and_no_half_cache(decoding, tmp_path):
    started = workers(decoding.pid)
    decoding.kill()
    decoding.communicate(timeout=60)
    wait_for_end(started)
    left = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(left) == 1 and left[0].endswith(".npy.tmp")
