"""A training that is tracked is killed, and goes on in the same tracked run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cifarcnn
from cifarcnn.runs import Run
from cifarcnn.runs.checkpoints import find_checkpoint
from tests.dark_and_light import draw_dark_and_light
from tests.training.test_tracking import (
    MISSING,
    Told,
    read_mlflow,
    read_mlflow_metric,
    read_tensorboard,
    read_wandb_figures,
    records_of,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("no_litert"),
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

CONFIG = """\
name: tiny
data: {dataset: folder, path: pictures, validation_fraction: 0.2}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - GlobalAveragePooling2D
    - Dense: 2
training: {epochs: 10000, batch_size: 1, tracking: [tensorboard, mlflow, wandb]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [*os.environ]:
        if name.startswith(("MLFLOW_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    draw_dark_and_light(tmp_path / "pictures", count=40, splits=("train", "test"))
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trackers_of(run: Run) -> set[str]:
    """Those that were told of an epoch."""
    try:
        return {*json.loads((run.path / "tracking.json").read_text())["epochs"]}
    except FileNotFoundError:
        return set()


def test_no_epoch_is_missing_or_doubled(folder: Path) -> None:
    command = [sys.executable, "-m", "cifarcnn", "train", "--config", "tiny.yaml"]
    run = Run(folder / "killed")
    with subprocess.Popen(
        [*command, "--run", "killed", "--device", "cpu"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while len(trackers_of(run)) < 3:
            assert process.stderr.readline()
        process.kill()
        process.wait()
    # history.csv may be some epochs behind.
    checkpoint, _ = find_checkpoint(run.path)
    assert checkpoint is not None
    epochs = checkpoint.state.epoch
    assert [found.info.status for found in read_mlflow()] == ["RUNNING"]
    told = Told()
    more = {"training.epochs": epochs + 3}
    cifarcnn.resume(run.path, more, device="cpu", observer=told)
    assert told.notes == []
    (found,) = read_mlflow()
    assert found.info.status == "FINISHED"
    expected = [(r.epoch, pytest.approx(r.loss)) for r in records_of(run)]
    assert len(expected) == epochs + 3
    assert read_tensorboard(run, "train")["epoch_loss"] == expected
    assert read_mlflow_metric(found, "loss") == expected
    assert read_wandb_figures(run, "loss") == expected
