"""Readers that go away, full disks and closed terminals, with real processes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

CIFARCNN = [sys.executable, "-m", "cifarcnn"]
CONFIG = """\
name: tiny
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - Flatten
    - Dense: {units: 10, activation: softmax}
training: {epochs: 3, batch_size: 64, steps_per_execution: 4}
"""
GONE = 128 + signal.SIGPIPE
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


def run_without_reader(arguments: list[str]) -> tuple[int, str]:
    """Exit code and standard error of a command whose output nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*CIFARCNN, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 40), "red").save(path)
    return path


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["check", "article"], ["schema"], ["train", "--help"]],
    ids=" ".join,
)
def test_a_reader_that_went_away_ends_a_command_without_a_word(arguments: list[str]):
    assert run_without_reader(arguments) == (GONE, "")


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv"])
def test_a_reader_that_went_away_ends_predict(
    trained_run: Path, image: Path, form: str
):
    code, said = run_without_reader(
        ["predict", str(image), "--run", str(trained_run), "--format", form]
    )
    assert code == GONE
    assert "Traceback" not in said


def test_many_images_for_a_reader_that_went_away_are_not_all_looked_at(
    trained_run: Path, tmp_path: Path
):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(600):
        Image.new("RGB", (32, 32), (number % 256, 0, 0)).save(many / f"{number:03}.bmp")
    kept = tmp_path / "kept"
    code, said = run_without_reader(
        [
            *("predict", str(many), "--run", str(trained_run), "--format", "jsonl"),
            *("--save-input", str(kept)),
        ]
    )
    assert code == GONE
    assert "Traceback" not in said
    assert len(list(kept.iterdir())) < 600


@needs_full
def test_an_answer_that_does_not_fit_on_the_disk_is_a_failure(
    trained_run: Path, image: Path
):
    arguments = ["predict", str(image), "--run", str(trained_run)]
    with FULL.open("wb") as full:
        done = subprocess.run(
            [*CIFARCNN, *arguments, "--format", "json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: The result could not be written to standard output: No space left on "
        "device."
    )
    assert "Traceback" not in done.stderr


def check_trained(folder: Path, code: int) -> None:
    """The training came to its end, and its log tells all."""
    assert code == 0
    assert (folder / "runs/tiny-1/metrics.json").exists()
    log = (folder / "runs/tiny-1/log.txt").read_text()
    assert "epoch 3/3: " in log
    assert "Traceback" not in log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return tmp_path


TRAIN = [*CIFARCNN, "train", "-c", "tiny.yaml", "--device", "cpu"]


def test_a_training_goes_on_when_nobody_hears_of_it_any_more(folder: Path):
    process = subprocess.Popen(
        TRAIN, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None and process.stdout is not None
    assert process.stderr.readline().startswith("device: ")
    # As `2>&1 | head -1` does.
    process.stderr.close()
    with process.stdout:
        assert process.stdout.read() == "runs/tiny-1\n"
    check_trained(folder, process.wait())


@needs_full
def test_a_training_goes_on_without_standard_error(folder: Path):
    command = " ".join([*TRAIN, "2>&-"])
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True
    )
    assert done.stdout == "runs/tiny-1\n"
    check_trained(folder, done.returncode)


class Terminal:
    """A real terminal whose other side this process holds."""

    def __init__(self, folder: Path) -> None:
        self.side, other = pty.openpty()
        self.process = subprocess.Popen(
            [*TRAIN, "--set", "training.epochs=100000"],
            cwd=folder,
            stdin=other,
            stdout=other,
            stderr=other,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
            start_new_session=True,
        )
        os.close(other)

    def wait_for(self, words: bytes) -> bytes:
        seen = b""
        while words not in seen:
            seen += os.read(self.side, 4096)
        return seen


def test_a_closed_terminal_costs_no_work(folder: Path):
    terminal = Terminal(folder)
    try:
        seen = terminal.wait_for(b"epoch 3/")
        # The bar with its figures.
        assert b"pictures/s" in seen
        os.close(terminal.side)
        checkpoints = folder / "runs/tiny-1/checkpoint"
        before = max(path.name for path in checkpoints.iterdir())
        # It has lost its terminal, but no signal: it goes on, into the log alone.
        while max(path.name for path in checkpoints.iterdir()) == before:
            assert terminal.process.poll() is None
            time.sleep(0.05)
        terminal.process.send_signal(signal.SIGHUP)
        assert terminal.process.wait() == 128 + signal.SIGHUP
    finally:
        terminal.process.kill()
        terminal.process.wait()
    log = (folder / "runs/tiny-1/log.txt").read_text()
    assert "Traceback" not in log
    environment = json.loads((folder / "runs/tiny-1/environment.json").read_text())
    assert environment["smoke"] is False
