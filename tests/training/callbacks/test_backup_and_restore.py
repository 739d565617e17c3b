from __future__ import annotations

import errno
import math

import numpy as np
import pytest

from cifarcnn.errors import DivergedError, RunError
from cifarcnn.runs import EpochRecord, Run
from cifarcnn.runs.checkpoints import find_checkpoint
from cifarcnn.training.callbacks import backup_and_restore
from cifarcnn.training.callbacks.backup_and_restore import BackupAndRestore
from cifarcnn.training.callbacks.progress import Progress

GOOD = {"loss": 1.0, "accuracy": 0.5}

RECORD = EpochRecord(1, 1.0, 0.5, 0.9, 0.5, 0.1, 2.0, 100.0)


@pytest.fixture
def make(run, make_config, progress, writer, model):
    def make(minutes: float = 1000.0, progress=progress, model=model):
        config = make_config(checkpoint_minutes=minutes)
        callback = BackupAndRestore(run, config, "0" * 64, progress, writer)
        callback.set_model(model)
        return callback

    return make


def end_epoch(callback: BackupAndRestore) -> None:
    callback.on_epoch_end(0, GOOD)
    callback.writer.on_epoch_end(0)
    callback.writer.wait()


def saved(run: Run) -> tuple[int, int]:
    found, _ = find_checkpoint(run.path)
    return found.state.epoch, found.state.step


def test_a_checkpoint_is_saved_when_it_is_time(make, progress, run):
    progress.begin_epoch(0)
    progress.end_step(1, GOOD)
    make(minutes=1000.0).on_train_batch_end(1, GOOD)
    assert find_checkpoint(run.path)[0] is None
    make(minutes=1e-9).on_train_batch_end(1, GOOD)
    assert saved(run) == (0, 2)


def test_the_end_of_an_epoch_is_saved(make, progress, run):
    callback = make()
    assert callback.describe_saved() == ""
    progress.begin_epoch(0)
    progress.end_step(3, GOOD)
    progress.weights = {"dense/kernel": np.ones((2, 2), np.float32)}
    progress.add(RECORD)
    end_epoch(callback)
    assert saved(run) == (1, 0)
    assert callback.describe_saved() == "The last checkpoint is of the end of epoch 1."


def test_model_progress_and_metrics_come_back(make, make_model, progress, run):
    callback = make()
    progress.weights = {"dense/kernel": np.ones((2, 2), np.float32)}
    progress.add(RECORD)
    progress.begin_epoch(1)
    progress.end_step(1, GOOD)
    callback.save_now()
    assert callback.describe_saved() == "The last checkpoint is of epoch 2, step 2."

    other, later = make_model(), Progress(progress.plan, "val_loss")
    other.state.arrays = {"model/0000": np.zeros(2, np.float32)}
    other.state.metrics = (0.0, 0.0)
    restored = make(progress=later, model=other)
    restored.restore(find_checkpoint(run.path)[0])
    assert other.state.arrays["model/0000"].tolist() == [1.0, 2.0]
    assert later.best_weights["dense/kernel"].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert later.records == [RECORD]
    # Keras sets them to nothing before an epoch begins.
    assert other.state.metrics == (0.0, 0.0)
    restored.on_epoch_begin(1)
    assert other.state.metrics == (3.0, 4.0)
    other.state.metrics = (0.0, 0.0)
    restored.on_epoch_begin(2)
    assert other.state.metrics == (0.0, 0.0)


def test_an_epoch_that_waits_for_its_validation_keeps_its_figures(make, progress, run):
    progress.begin_epoch(0)
    progress.end_step(3, GOOD)
    make().save_now()
    state = find_checkpoint(run.path)[0].state
    assert (state.step, state.logs, state.metrics) == (4, GOOD, ())


def test_numbers_that_are_not_finite_are_told_with_their_place(make, progress, model):
    model.state.arrays["model/0000"][0] = math.inf
    progress.begin_epoch(0)
    progress.end_step(3, GOOD)
    progress.add(RECORD)
    with pytest.raises(DivergedError) as caught:
        make().on_epoch_end(0, GOOD)
    assert str(caught.value) == (
        "In epoch 1, after step 4 of 4, a number of the network or of the optimizer is "
        "not finite any more, although the loss still was"
    )


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT", "EFBIG"])
def test_a_full_disk_is_noted_and_any_other_failure_raised(
    make, progress, observer, number, monkeypatch
):
    callback = make()
    progress.begin_epoch(0)
    progress.end_step(3, GOOD)
    progress.add(RECORD)

    def fail(cause: OSError) -> None:
        def save(*_: object) -> None:
            raise RunError("Not written.") from cause

        monkeypatch.setattr(backup_and_restore, "save_checkpoint", save)

    fail(OSError(getattr(errno, number), "full"))
    end_epoch(callback)
    assert callback.saved is None
    assert observer.heard == [
        "Not written. The training goes on, and tries again at its next save.",
        RECORD,
    ]
    fail(OSError(errno.ENOENT, "gone"))
    with pytest.raises(RunError, match=r"^Not written\.$"):
        end_epoch(callback)
