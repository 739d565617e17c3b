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

from cifarcnn.cli.main import main

pytestmark = pytest.mark.slow

CONFIG = """\
name: tiny
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - Flatten
    - Dense: {units: 10, activation: softmax}
training: {epochs: 2, batch_size: 256}
"""
COMMAND = [sys.executable, "-c", "from cifarcnn.cli.main import main; main()"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["cifarcnn", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


def test_a_training_tells_what_it_uses_and_what_comes_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    code = call(monkeypatch, "train", "--config", "tiny.yaml", "--device", "cpu")
    said = capfd.readouterr()
    assert code == 0
    assert said.out == "runs/tiny-1\n"
    lines = said.err.splitlines()
    assert lines[0].startswith("device: cpu (")
    assert lines[1:5] == [
        "data: synthetic, drawn by code",
        "note: these are synthetic pictures drawn by code, not CIFAR-10",
        "run: runs/tiny-1",
        "network: 2,682 parameters, 10 classes; 9,000 pictures to learn from, 1,000 "
        "for validation",
    ]
    assert [line.split(":")[0] for line in lines[5:8]] == [
        "epoch 1/2",
        "epoch 2/2",
        "trained",
    ]
    assert lines[8].startswith("validation accuracy ")
    assert lines[-4:] == [
        "next:",
        "  cifarcnn evaluate --run runs/tiny-1",
        "  cifarcnn predict photo.png --run runs/tiny-1",
        "report: runs/tiny-1/report.html",
    ]
    # All of it stands in the log as well, together with TensorFlow's own lines.
    log = (folder / "runs/tiny-1/log.txt").read_text()
    assert all(line in log for line in lines)


@pytest.mark.usefixtures("no_litert")
def test_settings_and_a_folder_of_ones_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    code = call(
        monkeypatch,
        *("train", "-c", "tiny.yaml", "--set", "training.epochs=1"),
        *("--set", "training.seed=7", "--run", "my run", "--smoke"),
    )
    said = capfd.readouterr()
    assert code == 0
    assert said.out == "my run\n"
    assert "note: a trial on few pictures (--smoke); its figures say little" in said.err
    assert "  cifarcnn evaluate --run 'my run'" in said.err
    assert json.loads((folder / "my run/metrics.json").read_text())["smoke"] is True
    assert json.loads((folder / "my run/environment.json").read_text())["seed"] == 7


def test_a_wrong_config_ends_with_2_before_anything_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    code = call(monkeypatch, "train", "-c", "tiny.yaml", "--set", "training.epochs=0")
    assert code == 2
    assert capfd.readouterr().out == ""
    assert not (folder / "runs").exists()


@pytest.fixture
def started(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A training that has finished its first epoch and goes on for long."""
    endless = ["--set", "training.epochs=10000", "--set", "training.batch_size=64"]
    process = subprocess.Popen(
        [*COMMAND, "train", "-c", "tiny.yaml", *endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def read_until(process: subprocess.Popen[str], beginning: str) -> list[str]:
    lines: list[str] = []
    while not (lines and lines[-1].startswith(beginning)):
        line = process.stderr.readline()
        assert line, "".join(lines)
        lines.append(line)
    return lines


# SIGTERM and SIGHUP are sent where a training goes on.
def test_a_signal_stops_after_the_step_and_keeps_what_was_trained(
    folder: Path, started: subprocess.Popen[str]
):
    read_until(started, "epoch 1/")
    time.sleep(0.1)
    asked = time.monotonic()
    started.send_signal(signal.SIGINT)
    rest = started.communicate(timeout=30)
    assert time.monotonic() - asked < 10
    assert started.returncode == 128 + signal.SIGINT
    assert rest[0] == ""
    message, go_on = rest[1].splitlines()[-2:]
    assert go_on == "Go on with: cifarcnn train --resume runs/tiny-1"
    assert message.startswith("Stopped in epoch ")
    assert message.endswith(
        "(last.safetensors) and the history. Judge them with: cifarcnn evaluate --run "
        "runs/tiny-1"
    )
    kept = {path.name for path in (folder / "runs/tiny-1").iterdir()}
    assert {"weights.safetensors", "last.safetensors", "manifest.json"} <= kept
    assert {"history.csv", "config.yaml", "environment.json", "log.txt"} <= kept
    assert "metrics.json" not in kept
    rows = (folder / "runs/tiny-1/history.csv").read_text().splitlines()
    assert rows[1].startswith("1,")


def test_a_second_signal_ends_it_at_once(folder: Path):
    # In the middle of a step that takes a minute, so that only the second can end it.
    code = (
        "import time\n"
        "import cifarcnn.api as api\n"
        "from cifarcnn.training.observer import Observer\n"
        "class Sleeper(Observer):\n"
        "    def batch_ended(self, epoch, step, logs):\n"
        "        print('asleep', flush=True)\n"
        "        time.sleep(60)\n"
        "api.train(api.load_config('tiny.yaml'), device='cpu', observer=Sleeper())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout.readline() == "asleep\n"
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        asked = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT
        assert time.monotonic() - asked < 5
    finally:
        process.kill()
        process.communicate()
