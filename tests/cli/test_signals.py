"""Signals to commands other than ``train``, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CIFARCNN = [sys.executable, "-m", "cifarcnn"]
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# Sends itself the signal in the middle of a file's writing, where it does most harm.
IN_THE_MIDDLE = """
import os, sys
sync, number = os.fsync, int(sys.argv.pop())
def interrupted(descriptor):
    os.kill(os.getpid(), number)
    sync(descriptor)
os.fsync = interrupted
from cifarcnn.cli.main import main
main()
"""


def wait_at_pipe(process: subprocess.Popen[str]) -> None:
    """Wait until a process waits for a pipe; some seconds where nobody can tell."""
    place = Path(f"/proc/{process.pid}/wchan")
    for _ in range(250):
        assert process.poll() is None
        if place.exists() and "pipe" in place.read_text():
            break
        time.sleep(0.02)


@pytest.fixture
def predicting(trained_run: Path) -> Iterator[subprocess.Popen[str]]:
    """Waits for a picture from standard input."""
    process = subprocess.Popen(
        [*CIFARCNN, "predict", "-", "--run", str(trained_run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_ends_a_waiting_command_with_a_word(
    predicting: subprocess.Popen[str], number: signal.Signals
):
    # The runtime is loaded by then, and the handlers stand.
    wait_at_pipe(predicting)
    predicting.send_signal(number)
    predicting.wait()
    assert predicting.returncode == 128 + number
    assert predicting.stdout is not None and predicting.stderr is not None
    assert predicting.stdout.read() == ""
    assert predicting.stderr.read().splitlines()[-1] == "interrupted"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_leaves_no_half_written_file(tmp_path: Path, number: signal.Signals):
    done = subprocess.run(
        [
            *(sys.executable, "-c", IN_THE_MIDDLE),
            *("init", "article", "mine.yaml", str(int(number))),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 128 + number
    assert done.stderr == "interrupted\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_whose_reader_does_not_read(
    trained_run: Path, tmp_path: Path, number: signal.Signals
):
    from PIL import Image

    picture = tmp_path / "a.bmp"
    Image.new("RGB", (32, 32)).save(picture)
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [
            *(*CIFARCNN, "predict", "--run", str(trained_run), "--format", "jsonl"),
            *[str(picture)] * 1000,
        ],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    try:
        wait_at_pipe(process)
        process.send_signal(number)
        assert process.wait(timeout=30) == 128 + number
        assert process.stderr is not None
        assert process.stderr.read().splitlines()[-1] == "interrupted"
    finally:
        process.kill()
        process.communicate()
        os.close(reading)
