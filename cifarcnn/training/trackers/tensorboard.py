"""TensorBoard: files of events in the folder of the run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cifarcnn.runs.history import EpochRecord
from cifarcnn.runs.tracking_file import TENSORBOARD
from cifarcnn.training.trackers.tracker import Ending, TrackedRun


class TensorBoardTracker:
    """Writes what ``keras.callbacks.TensorBoard`` writes of an epoch, on any backend.

    That one needs TensorFlow, and writes in a thread which loses its errors.
    """

    def __init__(self, tracked: TrackedRun) -> None:
        self._folder = tracked.path / TENSORBOARD
        self._writers: dict[str, Any] = {}

    def open(self, told: int, done: int) -> int:
        # After a failure its files may be cut short: others are begun.
        self._close()
        return min(told, done)

    def log(self, records: Sequence[EpochRecord]) -> None:
        for record in records:
            for split, figures in _figures(record).items():
                self._write(split, record.epoch, figures)
        for writer in self._writers.values():
            writer.flush()

    def close(self, ending: Ending) -> None:
        self._close()

    def _close(self) -> None:
        for writer in self._writers.values():
            with contextlib.suppress(OSError):
                writer.close()
        self._writers = {}

    def _write(self, split: str, epoch: int, figures: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        if split not in self._writers:
            self._begin(split, epoch)
        values = [
            Summary.Value(tag=f"epoch_{name}", simple_value=value)
            for name, value in figures.items()
        ]
        event = Event(wall_time=time.time(), step=epoch, summary=Summary(value=values))
        self._writers[split].write(event.SerializeToString())

    def _begin(self, split: str, epoch: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        now = time.time_ns()
        folder = self._folder / split
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a folder in the order of their names.
        name = f"events.out.tfevents.{now // 10**9:010d}.{now % 10**9:09d}.cifarcnn"
        writer = RecordWriter((folder / name).open("xb"))
        version = Event(wall_time=now / 1e9, file_version="brain.Event:2")
        # What an earlier file has of this epoch and later ones counts no more.
        start = Event(
            wall_time=now / 1e9,
            step=epoch,
            session_log=SessionLog(status=SessionLog.START),
        )
        try:
            for event in (version, start):
                writer.write(event.SerializeToString())
            writer.flush()
        except OSError:
            # On a full disk the next epoch would leave another one.
            with contextlib.suppress(OSError):
                writer.close()
            (folder / name).unlink()
            raise
        self._writers[split] = writer


def _figures(record: EpochRecord) -> dict[str, dict[str, float]]:
    """By folder, so that training and validation share a chart."""
    found = {
        "train": {
            "loss": record.loss,
            "accuracy": record.accuracy,
            "learning_rate": record.learning_rate,
            "duration_seconds": record.duration_seconds,
            "pictures_per_second": record.pictures_per_second,
        }
    }
    if record.val_loss is not None and record.val_accuracy is not None:
        found["validation"] = {
            "loss": record.val_loss,
            "accuracy": record.val_accuracy,
        }
    return found
