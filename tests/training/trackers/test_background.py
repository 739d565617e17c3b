"""A tracker fails, and the training hears of it once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from cifarcnn.runs.history import EpochRecord
from cifarcnn.runs.tracking_file import TrackingFile
from cifarcnn.training.trackers.background import BackgroundTracker
from cifarcnn.training.trackers.tracker import Ending


def records(count: int) -> list[EpochRecord]:
    return [
        EpochRecord(epoch, 1.0, 0.5, None, None, 0.1, 1.0, 100.0)
        for epoch in range(1, count + 1)
    ]


class Listed:
    """Keeps epochs in a list, and fails while it is told to."""

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.opened = 0
        self.ending: Ending | None = None
        self.failure: Exception | None = None
        self.free = threading.Event()
        self.free.set()

    def open(self, told: int, done: int) -> int:
        self.opened += 1
        return told

    def log(self, records: Sequence[EpochRecord]) -> None:
        self.free.wait()
        if self.failure is not None:
            raise self.failure
        self.epochs += [record.epoch for record in records]

    def close(self, ending: Ending) -> None:
        self.ending = ending


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def listed() -> Listed:
    return Listed()


@pytest.fixture
def tracker(listed: Listed, tmp_path: Path, notes: list[str]) -> BackgroundTracker:
    file = TrackingFile(tmp_path)
    return BackgroundTracker("mlflow", listed, file, notes.append)  # type: ignore[arg-type]


def test_what_was_missed_is_told_later_and_the_failure_once(
    tracker: BackgroundTracker, listed: Listed, notes: list[str], tmp_path: Path
) -> None:
    for count in range(1, 6):
        listed.failure = OSError("no room\nand more") if count in (2, 3) else None
        tracker.log(records(count))
        tracker._newest.result()  # type: ignore[union-attr]
    tracker.close(records(5), "finished")
    assert listed.epochs == [1, 2, 3, 4, 5]
    assert listed.opened == 3
    assert listed.ending == "finished"
    assert notes == [
        "training.tracking: mlflow failed: no room. The training goes on, and "
        "history.csv has all figures."
    ]
    assert TrackingFile(tmp_path).epochs("mlflow") == 5


def test_it_is_told_at_the_end_what_it_missed(
    tracker: BackgroundTracker, listed: Listed
) -> None:
    listed.failure = OSError("gone")
    tracker.log(records(3))
    tracker._newest.result()  # type: ignore[union-attr]
    listed.failure = None
    tracker.close(records(3), "stopped")
    assert (listed.epochs, listed.ending) == ([1, 2, 3], "stopped")


def test_epochs_do_not_queue_where_it_is_slow(
    tracker: BackgroundTracker, listed: Listed
) -> None:
    listed.free.clear()
    for count in range(1, 100):
        tracker.log(records(count))
    listed.free.set()
    tracker.close(records(99), "finished")
    assert listed.epochs == [*range(1, 100)]


def test_one_that_never_opens_does_not_end_the_training(
    tracker: BackgroundTracker, listed: Listed, notes: list[str]
) -> None:
    listed.failure = ImportError("")
    tracker.close(records(1), "failed")
    assert listed.ending is None
    assert notes[0].startswith("training.tracking: mlflow failed: ImportError. ")
