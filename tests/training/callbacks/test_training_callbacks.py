"""The order of callbacks: an epoch is saved before anything may end the training."""

from __future__ import annotations

from typing import Any

import pytest

from cifarcnn.errors import DivergedError
from cifarcnn.runs import Run
from cifarcnn.runs.checkpoints import find_checkpoint
from cifarcnn.runs.manifest import read_manifest
from cifarcnn.training.callbacks import backup_and_restore, model_checkpoint
from cifarcnn.training.callbacks.training_callbacks import TrainingCallbacks
from cifarcnn.training.fits import plan_fits
from cifarcnn.training.observer import Plan
from cifarcnn.training.stop_request import StopRequest
from cifarcnn.training.training_data import load_training_data
from tests.training.conftest import build_training_model

GOOD = {"loss": 1.0, "accuracy": 0.5}
# With every callback there is.
ALL = {
    "averaging": {"ExponentialMovingAverage": 0.5},
    "early_stopping": {"patience": 1},
    "learning_rate_schedule": "ReduceLROnPlateau",
}
EPOCH = {**GOOD, "val_loss": 1.5, "val_accuracy": 0.4}


@pytest.fixture
def make(keras, run, make_config, make_dataset, device, observer, origin):
    def make(**settings: Any) -> TrainingCallbacks:
        config = make_config(epochs=3, **settings)
        run.write_config(config)
        data = load_training_data(config, make_dataset(70))
        model, batches = build_training_model(config, data, device, "float32", 3)
        plan = Plan(3, 4, 16, 55, 15, 127, 3)
        [fit] = plan_fits(config, 3)
        return TrainingCallbacks(
            config, run, origin, fit, model, batches, plan, observer, StopRequest()
        )

    return make


def feed(listed: Any, logs: dict[str, float]) -> None:
    """An epoch, as Keras would tell of it."""
    listed.on_train_begin()
    listed.on_epoch_begin(0)
    listed.on_train_batch_end(3, GOOD)
    listed.on_epoch_end(0, logs)


def end(keras, ours, callbacks=(), logs=EPOCH) -> None:
    """An epoch, and whatever ends the training."""
    listed = [*callbacks] or ours.in_order()
    with ours.writer:
        feed(keras.callbacks.CallbackList(listed, model=ours.model), logs)


def saved(run: Run) -> tuple[int, int, list[str]]:
    checkpoint, _ = find_checkpoint(run.path)
    weights = sorted(read_manifest(run.path).weights)
    return checkpoint.state.epoch, len(run.read_history()), weights


EPOCH_1 = (1, 1, ["last.safetensors", "weights.safetensors"])


@pytest.mark.parametrize(
    "place", ["ReduceLROnPlateau", "EarlyStopping", "ReplayEpochs", "users"]
)
def test_an_epoch_is_saved_before_a_callback_may_end_the_training(
    keras, make, run, place
):
    class End(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise ZeroDivisionError

    ours = make(**ALL)
    callbacks = ours.in_order()
    names = [type(callback).__name__ for callback in callbacks]
    callbacks.insert(([*names, "users"]).index(place), End())
    with pytest.raises(ZeroDivisionError):
        end(keras, ours, callbacks)
    assert saved(run) == EPOCH_1


def test_a_callback_of_the_user_finds_the_files_of_the_epoch_written(keras, make, run):
    found = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            found.append(saved(run))

    ours = make(**ALL)
    end(keras, ours, ours.in_order([Look()]))
    assert found == [EPOCH_1]


def test_the_order_of_all(make, keras):
    class Own(keras.callbacks.Callback):
        pass

    ours = make(**ALL)
    assert [type(callback).__name__ for callback in ours.in_order([Own()])] == [
        "SwapAverages",
        "TrackProgress",
        "TerminateOnNaN",
        "EpochLog",
        "StopTraining",
        "BackupAndRestore",
        "ModelCheckpoint",
        "BackgroundWriter",
        "ObserverCallback",
        "EstimateDuration",
        "ReduceLROnPlateau",
        "EarlyStopping",
        "ReplayEpochs",
        "Own",
    ]


def test_the_checkpoint_is_written_before_the_other_files(keras, make, monkeypatch):
    ours = make()
    written = []
    for owner, name in (
        (backup_and_restore, "save_checkpoint"),
        (model_checkpoint, "save_weights"),
        (Run, "write_history"),
    ):
        original = getattr(owner, name)

        def write(*arguments, name=name, original=original, **named):
            written.append(name)
            original(*arguments, **named)

        monkeypatch.setattr(owner, name, write)
    end(keras, ours)
    assert written[0] == "save_checkpoint"
    assert set(written[1:]) == {"save_weights", "write_history"}
    # Both are told of after they are done.
    assert [type(event).__name__ for event in ours.observer.heard] == [
        "tuple",
        "EpochRecord",
    ]


def test_an_epoch_with_a_number_that_is_not_finite_is_not_saved(keras, make, run):
    ours = make()
    with pytest.raises(DivergedError):
        end(keras, ours, logs={**EPOCH, "val_loss": float("nan")})
    assert ours.progress.records == []
    assert find_checkpoint(run.path) == (None, [])
    assert not run.has_weights
