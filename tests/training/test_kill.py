"""A real training is killed at random moments, and comes to the same nevertheless."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cifarcnn
from cifarcnn.runs import Run
from tests.dark_and_light import draw_dark_and_light
from tests.training.conftest import result

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("no_litert"),
    pytest.mark.skipif(os.name == "nt", reason="Windows cannot stop a process"),
]

# Epochs that take no longer than to write their files, so that this never stops.
CONFIG = """\
name: tiny
data: {dataset: folder, path: pictures, validation_fraction: 0.2}
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3, strides: 4, activation: relu}
    - BatchNormalization
    - Dropout: 0.1
    - Flatten
    - Dense: {units: 128, activation: relu}
    - Dense: {units: 2, activation: softmax}
training:
  epochs: 24
  batch_size: 16
  averaging: {ExponentialMovingAverage: {momentum: 0.9}}
"""
KILLS = 10


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    draw_dark_and_light(tmp_path / "pictures", splits=("train", "test"))
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def moments(process: subprocess.Popen[str], run: Path) -> Iterator[Path]:
    """Copies of a run, each as it would lie there had its training been killed then."""
    assert process.stderr is not None
    lines = [""]
    while not lines[-1].startswith("epoch "):
        lines.append(process.stderr.readline())
        assert lines[-1], "".join(lines)
    chance = random.Random(0)
    for number in range(KILLS):
        time.sleep(chance.uniform(0, 0.02))
        # To stop it lets no thread take another step, as to kill it does.
        process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        yield shutil.copytree(run, run.with_name(f"killed-{number}"))
        process.send_signal(signal.SIGCONT)


def test_killed_at_any_moment_a_training_comes_to_the_same(folder: Path, device: Any):
    whole = cifarcnn.train(cifarcnn.load_config("tiny.yaml"), run="whole")
    expected = result(Run.open(whole.path))
    command = [sys.executable, "-m", "cifarcnn", "train", "--device", "cpu"]
    with subprocess.Popen(
        [*command, "-c", "tiny.yaml", "--run", "run"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        killed = list(moments(process, folder / "run"))
        process.kill()
    assert killed
    for run in [folder / "run", *killed]:
        # Unless it came to its end, on a machine that is fast enough.
        if not (run / "metrics.json").exists():
            cifarcnn.resume(run)
        assert result(Run.open(run)) == expected
