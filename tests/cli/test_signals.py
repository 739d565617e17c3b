"""Signals to commands other than ``train``, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

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
    """Waits for an image from standard input."""
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

    image = tmp_path / "a.bmp"
    Image.new("RGB", (32, 32)).save(image)
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [
            *(*CIFARCNN, "predict", "--run", str(trained_run), "--format", "jsonl"),
            *[str(image)] * 1000,
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


# A command that waits in the midst of its work, and has something to clear away.
WAITING = """
import sys, time
from cifarcnn.cli import check, console, main
def wait(*_, **__):
    try:
        console.print_message("ready")
        time.sleep(30)
    finally:
        console.print_message("clearing away")
        time.sleep({seconds})
check.check_config = wait
sys.argv = ["cifarcnn", "check", "x"]
main.main()
"""


def start(seconds: int, first: str = ":") -> subprocess.Popen[str]:
    script = WAITING.format(seconds=seconds)
    process = subprocess.Popen(
        ["sh", "-c", f'{first}; exec "$0" -c "$1"', sys.executable, script],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None and process.stderr.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", NUMBERS)
def test_nothing_is_said_twice_when_a_signal_comes_just_after(number: signal.Signals):
    with start(0) as process:
        process.send_signal(number)
        assert process.communicate()[1] == "clearing away\ninterrupted\n"
    assert process.returncode == 128 + number


# A library that catches a signal while it is loaded, and fails for it.
CATCHING = """
import sys, time
from cifarcnn.cli import check, console, main
def load(*_, **__):
    try:
        console.print_message("ready")
        time.sleep(30)
    except BaseException:
        raise AttributeError("module 'slow' has no attribute 'half'")
check.check_config = load
sys.argv = ["cifarcnn", "check", "x"]
main.main()
"""


@pytest.mark.parametrize("number", NUMBERS)
def test_what_a_library_makes_of_a_signal_is_no_error_of_its_own(
    number: signal.Signals,
):
    with subprocess.Popen(
        [sys.executable, "-c", CATCHING],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None and process.stderr.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate()[1] == "interrupted\n"
    assert process.returncode == 128 + number


def test_a_second_signal_acts_at_once():
    with start(30) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "clearing away\n"
        process.send_signal(signal.SIGTERM)
        assert process.communicate()[1] == ""
    assert process.returncode == -signal.SIGTERM


def test_a_signal_that_is_ignored_stays_so():
    with start(0, first="trap '' HUP") as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.communicate()[1] == "clearing away\ninterrupted\n"
    assert process.returncode == 128 + signal.SIGTERM


def test_a_result_waits_for_a_slow_reader_that_made_the_pipe_non_blocking():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.write(writing, bytes(65_000))  # nearly all that the pipe holds
    with subprocess.Popen([*CIFARCNN, "schema"], stdout=writing) as process:
        os.close(writing)
        time.sleep(0.5)
        with open(reading, "rb") as pipe:
            assert json.loads(pipe.read()[65_000:])["type"] == "object"
    assert process.returncode == 0
