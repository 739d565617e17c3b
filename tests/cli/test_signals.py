"""Signals to commands other than ``train``, with real processes."""

from __future__ import annotations

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
    # Until it reads: the runtime is loaded by then, and the handlers stand.
    stat = Path(f"/proc/{predicting.pid}/wchan")
    while "pipe" not in stat.read_text():
        assert predicting.poll() is None
        time.sleep(0.02)
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
