from __future__ import annotations

import signal
import time

import pytest

from cifarcnn.errors import RunError, Stopped, TimeIsUp
from cifarcnn.runs import EpochRecord
from cifarcnn.runs.checkpoints import find_checkpoint
from cifarcnn.training.callbacks.backup_and_restore import BackupAndRestore
from cifarcnn.training.callbacks.model_checkpoint import ModelCheckpoint
from cifarcnn.training.callbacks.stop_training import StopTraining
from cifarcnn.training.stop_request import StopRequest

GOOD = {"loss": 1.0, "accuracy": 0.5}


@pytest.fixture
def make(run, make_config, progress, writer, origin, model):
    config = make_config()
    run.write_config(config)

    def make(weights: str = "best", max_minutes: float | None = None) -> StopTraining:
        backup = BackupAndRestore(run, config, "0" * 64, progress, writer)
        checkpoint = ModelCheckpoint(run, origin, progress, writer, weights)
        callback = StopTraining(StopRequest(max_minutes), progress, backup, checkpoint)
        for each in (backup, callback):
            each.set_model(model)
        return callback

    return make


def pass_epoch(progress, model) -> None:
    progress.weights = model.read_weights()
    progress.add(EpochRecord(1, 1.0, 0.5, 1.5, 0.4, 0.1, 2.0, 100.0))


@pytest.mark.parametrize(
    ("weights", "epochs", "kept"),
    [
        ("best", 0, "the weights of this moment"),
        ("last", 1, "the weights of this moment and the history"),
        (
            "best",
            1,
            "the best weights (epoch 1), those of this moment (last.safetensors) and "
            "the history",
        ),
    ],
)
@pytest.mark.parametrize("event", ["on_train_batch_end", "on_test_batch_end"])
def test_a_stop_says_what_is_kept_and_what_to_type(
    make, progress, model, run, weights, epochs, kept, event
):
    callback = make(weights)
    if epochs:
        pass_epoch(progress, model)
    progress.begin_epoch(epochs)
    progress.end_step(1, GOOD)
    callback.request.signals.append(signal.SIGTERM)
    with pytest.raises(Stopped) as caught:
        getattr(callback, event)(1, GOOD)
    assert caught.value.exit_code == 143
    assert str(caught.value) == (
        f"Stopped in epoch {epochs + 1} of 3, after step 2 of 4. Kept in {run.path}: "
        f"{kept}. Judge them with: cifarcnn evaluate --run {run.path}\n"
        f"Go on with: cifarcnn train --resume {run.path}"
    )
    found, _ = find_checkpoint(run.path)
    assert (found.state.epoch, found.state.step) == (epochs, 2)
    assert (run.path / "weights.safetensors").exists()
    assert (run.path / "last.safetensors").exists()


def test_a_stop_that_cannot_be_saved_says_so(make, progress, model, run, monkeypatch):
    callback = make()
    progress.begin_epoch(0)
    progress.end_step(1, GOOD)
    callback.backup.saved = (0, 1)

    def fail() -> None:
        raise RunError("The disk is full.")

    monkeypatch.setattr(callback.backup, "save_now", fail)
    callback.request.signals.append(signal.SIGINT)
    with pytest.raises(Stopped) as caught:
        callback.on_train_batch_end(1, GOOD)
    assert str(caught.value) == (
        "Stopped in epoch 1 of 3, after step 2 of 4. This moment could not be saved: "
        "The disk is full. The last checkpoint is of epoch 1, step 1.\n"
        f"Go on with: cifarcnn train --resume {run.path}"
    )


def test_without_a_signal_nothing_stops(make, progress, run):
    callback = make()
    progress.begin_epoch(0)
    callback.on_train_batch_end(0, GOOD)
    callback.on_test_batch_end(0, GOOD)
    assert find_checkpoint(run.path) == (None, [])


def test_no_step_is_begun_that_would_end_behind_the_time(make, progress, model, run):
    callback = make(max_minutes=0.02)  # 1.2 seconds
    progress.begin_epoch(0)
    callback.on_train_begin()
    progress.end_step(0, GOOD)
    time.sleep(0.1)
    callback.on_train_batch_end(0, GOOD)  # a step of a tenth, and 1.1 are left
    progress.end_step(1, GOOD)
    time.sleep(0.7)
    with pytest.raises(TimeIsUp) as caught:
        callback.on_train_batch_end(1, GOOD)  # 0.4 seconds are less than another 0.7
    assert (caught.value.exit_code, caught.value.run) == (0, run.path)
    assert str(caught.value).startswith(
        "Stopped in epoch 1 of 3, after step 2 of 4. The 0.02 minutes of "
        "training.max_minutes are over; 10 of 12 steps are left. Kept in "
    )
    found, _ = find_checkpoint(run.path)
    assert (found.state.epoch, found.state.step) == (0, 2)


def test_without_an_end_of_its_time_a_training_goes_on(make, progress):
    callback = make()
    progress.begin_epoch(0)
    callback.on_train_begin()
    for step in range(3):
        progress.end_step(step, GOOD)
        callback.on_train_batch_end(step, GOOD)
