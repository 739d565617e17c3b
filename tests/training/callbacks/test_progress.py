from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.runs import EpochRecord
from cifarcnn.runs.checkpoints import CheckpointState
from cifarcnn.training.callbacks.progress import Progress, TrackProgress
from cifarcnn.training.observer import Plan

GOOD = {"loss": 1.0, "accuracy": 0.5}


def record_of(epoch: int, val_loss=None, val_accuracy=None) -> EpochRecord:
    return EpochRecord(epoch, 1.0, 0.5, val_loss, val_accuracy, 0.1, 2.0, 100.0)


@pytest.mark.parametrize(
    ("best_by", "best"),
    # The first of equals stays.
    [("val_loss", 2), ("val_accuracy", 3)],
)
def test_the_best_epoch_is_found_by_a_list_of_figures(progress, best_by, best):
    progress.best_by = best_by
    for epoch, figures in enumerate([(0.9, 0.5), (0.5, 0.7), (0.6, 0.8), (0.5, 0.8)]):
        progress.weights = {"epoch": np.array(epoch + 1)}
        progress.add(record_of(epoch + 1, *figures))
    assert progress.best.epoch == progress.best_weights["epoch"] == best


def test_without_validation_the_last_epoch_is_the_best(progress):
    for epoch in (1, 2):
        progress.add(record_of(epoch))
    assert progress.best.epoch == 2


def test_steps_and_epochs_are_followed(progress):
    track = TrackProgress(progress)
    track.on_epoch_begin(1)
    assert (progress.epoch, progress.steps_done) == (1, 0)
    track.on_train_batch_end(2, GOOD)
    assert (progress.steps_done, progress.logs) == (3, None)
    assert progress.newest_step == 4 + 2
    assert progress.place("after") == "In epoch 2, after step 3 of 4,"
    track.on_train_batch_end(3, GOOD)
    assert (progress.steps_done, progress.logs) == (4, GOOD)


def test_an_epoch_that_was_cut_short_goes_on():
    plan = Plan(3, 4, 16, 55, 15, 127, 3, epochs_done=1, steps_done=2)
    progress = Progress(plan, "val_loss")
    state = CheckpointState(
        config={},
        data_checksum="",
        smoke=False,
        epoch=1,
        step=2,
        records=(record_of(1, 0.5),),
        best_epoch=1,
        metrics=(),
        logs=None,
        epoch_seconds=100.0,
        training_seconds=1000.0,
    )
    progress.restore(state, {"epoch": np.array(1)})
    assert progress.best == progress.records[0] == record_of(1, 0.5)
    assert 1000 <= progress.training_seconds < 1060
    track = TrackProgress(progress)
    track.on_epoch_begin(1)
    assert progress.steps_done == 2
    assert 100 <= progress.epoch_seconds < 160
    track.on_train_batch_end(0, GOOD)
    assert progress.steps_done == 3
    track.on_epoch_begin(2)
    assert progress.steps_done == 0
    assert progress.epoch_seconds < 60
