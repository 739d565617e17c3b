"""A training that is tracked is killed, and goes on in the same tracked run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarcnn.runs import Run
from tests.training.test_tracking import (
    MISSING,
    read_mlflow,
    read_mlflow_metric,
    read_tensorboard,
    read_wandb_figures,
    records_of,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

CONFIG = """\
name: tiny
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - GlobalAveragePooling2D
    - Dense: 10
training: {epochs: 10000, tracking: [tensorboard, mlflow, wandb]}
"""


def cifarcnn(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cifarcnn", *arguments, "--device", "cpu"]


def test_no_epoch_is_missing_or_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*os.environ]:
        if name.startswith(("MLFLOW_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(CONFIG)
    train = cifarcnn("train", "--config", "tiny.yaml", "--run", "killed")
    run = Run(tmp_path / "killed")
    with subprocess.Popen(train, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        # MLflow takes some seconds before it is there.
        while '"mlflow"' not in (
            (run.path / "tracking.json").read_text()
            if (run.path / "tracking.json").exists()
            else ""
        ):
            assert process.stderr.readline()
        process.kill()
    epochs = len(records_of(run))
    assert [found.info.status for found in read_mlflow()] == ["RUNNING"]
    more = ("--set", f"training.epochs={epochs + 3}")
    subprocess.run(cifarcnn("train", "--resume", "killed", *more), check=True)
    (found,) = read_mlflow()
    assert found.info.status == "FINISHED"
    expected = [(r.epoch, pytest.approx(r.loss)) for r in records_of(run)]
    assert len(expected) == epochs + 3
    assert read_tensorboard(run, "train")["epoch_loss"] == expected
    assert read_mlflow_metric(found, "loss") == expected
    assert read_wandb_figures(run, "loss") == expected
