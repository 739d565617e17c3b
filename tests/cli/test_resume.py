"""``train --resume``, with real processes that are stopped and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

CONFIG = """\
name: tiny
data: {dataset: synthetic, augmentation: [RandomFlip]}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - Dropout: 0.1
    - Flatten
    - Dense: {units: 10, activation: softmax}
training: {epochs: 4, batch_size: 32, steps_per_execution: 4, checkpoint_minutes: 1e-6}
"""
COMMAND = [sys.executable, "-m", "cifarcnn", "train"]
GO_ON = "Go on with: cifarcnn train --resume runs/tiny-1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    processes = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *arguments, "--device", "cpu"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for_checkpoint(folder: Path, process: subprocess.Popen[str]) -> None:
    checkpoints = folder / "runs/tiny-1/checkpoint"
    while not list(checkpoints.glob("*.safetensors")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def weights(run: Path) -> dict[str, bytes]:
    from safetensors.numpy import load_file

    arrays = load_file(run / "weights.safetensors")
    return {name: array.tobytes() for name, array in arrays.items()}


def test_killed_stopped_and_hung_up_it_comes_to_the_same(
    folder: Path, start: Start, call: Callable[..., object]
):
    whole = call(*COMMAND[3:], "-c", "tiny.yaml", "--run", "whole", "--device", "cpu")
    assert whole.code == 0, whole.err

    killed = start("--config", "tiny.yaml")
    wait_for_checkpoint(folder, killed)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL

    for number in (signal.SIGTERM, signal.SIGHUP):
        stopped = start("--resume", "runs/tiny-1")
        assert stopped.stderr is not None
        lines = []
        while not (lines and lines[-1].startswith("resumed: ")):
            lines.append(stopped.stderr.readline())
            assert lines[-1], lines
        stopped.send_signal(number)
        out, err = stopped.communicate()
        assert stopped.returncode == 128 + number
        assert out == ""
        assert err.splitlines()[-2].startswith("Stopped in epoch ")
        assert err.splitlines()[-1] == GO_ON

    last = call("train", "--resume", "runs/tiny-1", "--device", "cpu")
    assert (last.code, last.out) == (0, "runs/tiny-1\n"), last.err
    assert "trained: 4 epochs in " in last.err
    assert weights(folder / "runs/tiny-1") == weights(folder / "whole")

    finished = call("train", "--resume", "runs/tiny-1")
    assert (finished.code, finished.out) == (0, "runs/tiny-1\n")
    assert finished.err == (
        "note: runs/tiny-1 is finished. To train it further: cifarcnn train --resume "
        "runs/tiny-1 --set training.epochs=NUMBER\n"
    )


def test_a_second_signal_leaves_the_last_checkpoint(folder: Path, start: Start):
    process = start("--config", "tiny.yaml", "--set", "training.epochs=1000")
    wait_for_checkpoint(folder, process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    # Either it came before the first was heeded, or the first had ended it already.
    process.communicate()
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert list((folder / "runs/tiny-1/checkpoint").glob("*.safetensors"))


def test_two_processes_do_not_train_in_one_run(
    folder: Path, start: Start, call: Callable[..., object]
):
    process = start("--config", "tiny.yaml", "--set", "training.epochs=1000")
    wait_for_checkpoint(folder, process)
    other = call("train", "--resume", "runs/tiny-1")
    assert other.code == 1
    assert other.err == (
        "error: runs/tiny-1 is being trained by another process. Wait for its end, or "
        "stop it.\n"
    )
    assert process.poll() is None


def test_a_run_is_made_longer_from_the_command_line(
    folder: Path, call: Callable[..., object]
):
    made = call("train", "-c", "tiny.yaml", "--set", "training.epochs=1")
    assert made.code == 0, made.err
    longer = call("train", "--resume", "runs/tiny-1", "--set", "training.epochs=2")
    assert longer.code == 0
    assert longer.out == "runs/tiny-1\n"
    lines = longer.err.splitlines()
    assert "note: training.epochs was 1, is 2 now" in lines
    assert "note: the learning rate goes on at 0.001." in lines
    assert "resumed: 1 of 2 epochs are done" in lines
    assert [line[:9] for line in lines if line.startswith("epoch")] == ["epoch 2/2"]
    log = (folder / "runs/tiny-1/log.txt").read_text()
    assert "epoch 1/1: " in log
    assert "epoch 2/2: " in log

    wrong = call("train", "--resume", "runs/tiny-1", "--set", "training.epoch=3")
    assert wrong.code == 2
    assert "did you mean epochs?" in wrong.err
    refused = call("train", "--resume", "runs/tiny-1", "--set", "training.seed=3")
    assert refused.code == 2
    assert refused.err.startswith(
        "error: runs/tiny-1 cannot go on with other settings: training.seed was 0 and "
        "would be 3. Only training.epochs, "
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give either --config, or --resume with the folder of a run."),
        (
            ("--resume", "runs/tiny-1", "--config", "tiny.yaml"),
            "Give either --config, or --resume with the folder of a run.",
        ),
        (
            ("--resume", "runs/tiny-1", "--smoke"),
            "--resume goes on in the folder of its run, as it was begun; leave --run, "
            "--seeds and --smoke out.",
        ),
        (
            ("--resume", "runs/tiny-1", "--run", "other"),
            "--resume goes on in the folder of its run, as it was begun; leave --run, "
            "--seeds and --smoke out.",
        ),
    ],
)
def test_options_that_contradict_each_other(
    folder: Path, call: Callable[..., object], arguments: tuple[str, ...], message: str
):
    called = call("train", *arguments)
    assert called.code == 2
    assert called.err.endswith(f"Error: {message}\n")
    assert not (folder / "runs").exists()


def test_what_is_no_run_cannot_go_on(folder: Path, call: Callable[..., object]):
    called = call("train", "--resume", "nowhere")
    assert called.code == 1
    assert called.err == (
        "error: nowhere does not exist. Name the folder that `cifarcnn train` "
        "reported; `cifarcnn runs` lists those under ./runs.\n"
    )


def test_other_images_are_refused(
    folder: Path, start: Start, call: Callable[..., object]
):
    from PIL import Image

    def draw(value: int) -> None:
        for split in ("train", "test"):
            for name in ("a", "b"):
                place = folder / "pictures" / split / name
                place.mkdir(parents=True, exist_ok=True)
                for number in range(20):
                    blue = 100 * (name == "a") + 50 * (split == "test")
                    colour = (value, number, blue)
                    image = Image.new("RGB", (32, 32), colour)
                    image.save(place / f"{number}.png")

    draw(0)
    text = CONFIG.replace("dataset: synthetic", "dataset: folder, path: pictures")
    (folder / "tiny.yaml").write_text(text.replace("units: 10", "units: 2"))
    process = start("-c", "tiny.yaml", "--set", "training.epochs=100000")
    wait_for_checkpoint(folder, process)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    draw(9)
    resumed = call("train", "--resume", "runs/tiny-1")
    assert resumed.code == 1
    assert resumed.err.splitlines()[-1] == (
        "error: runs/tiny-1 was trained on other pictures than those in "
        f"{os.path.join('pictures')}: their checksums differ. Say where the right ones "
        "are with --set data.path=PATH."
    )
