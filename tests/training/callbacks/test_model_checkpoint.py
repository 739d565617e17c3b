"""Which weights are kept, told by lists of losses written by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from cifarcnn.errors import DivergedError
from cifarcnn.runs import EpochRecord, Run
from cifarcnn.runs.weights import describe_arrays, load_weights
from cifarcnn.training.callbacks.model_checkpoint import ModelCheckpoint
from cifarcnn.training.callbacks.progress import Progress


def arrays_of(epoch: int) -> dict[str, np.ndarray]:
    return {"dense/kernel": np.full((2, 2), epoch, dtype=np.float32)}


def end_epoch(checkpoint: ModelCheckpoint, record: EpochRecord, arrays) -> None:
    checkpoint.progress.weights = arrays
    checkpoint.progress.add(record)
    checkpoint.on_epoch_end(record.epoch - 1)
    checkpoint.writer.on_epoch_end(record.epoch - 1)
    checkpoint.writer.wait()


def stored(run: Run, choice: Literal["selected", "last"]) -> float:
    found = load_weights(run.path, choice, describe_arrays(arrays_of(0)))
    return float(found.arrays["dense/kernel"][0, 0])


@pytest.fixture
def save(run: Run, make_config, progress, writer, origin):
    run.write_config(make_config())

    def save(
        figures: list[tuple[float | None, float | None]],
        best_by: Literal["val_loss", "val_accuracy"] = "val_loss",
        weights: Literal["best", "last"] = "best",
    ) -> ModelCheckpoint:
        progress.best_by = best_by
        checkpoint = ModelCheckpoint(run, origin, progress, writer, weights)
        for epoch, (val_loss, val_accuracy) in enumerate(figures, start=1):
            record = EpochRecord(
                epoch, 1.0, 0.5, val_loss, val_accuracy, 0.1, 2.0, 100.0
            )
            end_epoch(checkpoint, record, arrays_of(epoch))
        return checkpoint

    return save


FIGURES = [(0.9, 0.5), (0.5, 0.7), (0.6, 0.8), (0.5, 0.8)]


@pytest.mark.parametrize(
    ("best_by", "best"),
    # The first of equals stays.
    [("val_loss", 2), ("val_accuracy", 3)],
)
def test_the_best_epoch_and_the_last_are_kept(save, run, best_by, best):
    checkpoint = save(FIGURES, best_by)
    assert checkpoint.progress.best.epoch == best
    assert stored(run, "selected") == best
    assert stored(run, "last") == 4


def test_weights_last_puts_the_last_epoch_where_evaluate_looks(save, run):
    checkpoint = save(FIGURES, weights="last")
    assert checkpoint.progress.best.epoch == 2
    assert stored(run, "selected") == 4
    assert stored(run, "last") == 4


def test_without_validation_the_last_epoch_is_the_best(save, run):
    checkpoint = save([(None, None), (None, None)])
    assert checkpoint.progress.best.epoch == 2
    assert stored(run, "selected") == 2


def test_history_has_a_row_for_each_epoch(save, run):
    save(FIGURES[:2])
    assert (run.path / "history.csv").read_text() == (
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,duration_seconds,"
        "pictures_per_second\n"
        "1,1.0,0.5,0.9,0.5,0.1,2.0,100.0\n"
        "2,1.0,0.5,0.5,0.7,0.1,2.0,100.0\n"
    )


def test_a_stop_keeps_the_weights_of_the_moment_as_last(save, run):
    save(FIGURES).save_now(arrays_of(99))
    assert stored(run, "last") == 99
    assert stored(run, "selected") == 2


def test_a_stop_before_the_first_epoch_is_over_keeps_them_as_best_too(save, run):
    save([]).save_now(arrays_of(99))
    assert stored(run, "last") == 99
    assert stored(run, "selected") == 99


def test_after_a_restore_the_files_are_written_anew(save, run, writer, origin):
    before = save(FIGURES).progress
    progress = Progress(before.plan, "val_loss")
    progress.records, progress.best = before.records[:3], before.records[1]
    progress.best_weights = arrays_of(2)
    after = ModelCheckpoint(run, origin, progress, writer, "best")
    after.save_epoch(arrays_of(3))
    assert (stored(run, "selected"), stored(run, "last")) == (2, 3)
    assert [row["epoch"] for row in run.read_history()] == ["1", "2", "3"]
    # In the middle of an epoch the last weights are those of a stop, and stay.
    after.save_now(arrays_of(99))
    after.save_epoch(None)
    assert (stored(run, "selected"), stored(run, "last")) == (2, 99)


def test_weights_that_are_no_numbers_change_no_file(save, run: Run, tmp_path: Path):
    checkpoint = save(FIGURES[:1])
    broken = {"dense/kernel": np.full((2, 2), math.nan, dtype=np.float32)}
    record = EpochRecord(2, 1.0, 0.5, 0.1, 0.9, 0.1, 2.0, 100.0)
    with pytest.raises(DivergedError) as caught:
        end_epoch(checkpoint, record, broken)
    assert str(caught.value) == (
        f"{run.path / 'last.safetensors'} is not written: the array 'dense/kernel' "
        "holds values that are not finite. The training has diverged; try a smaller "
        "learning rate."
    )
    assert not checkpoint.up_to_date
    assert stored(run, "selected") == 1
    assert len(run.read_history()) == 1
