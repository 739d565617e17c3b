"""The figures of each epoch, and what the observer is told."""

from __future__ import annotations

from typing import Any

import keras

from cifarcnn.runs.history import EpochRecord
from cifarcnn.training.callbacks.progress import Progress
from cifarcnn.training.observer import Observer


class EpochLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Makes a record of each epoch."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        progress = self.progress
        plan = progress.plan
        images = min(plan.training_images, progress.steps_done * plan.batch_size)
        seconds = max(progress.steps_end - progress.epoch_start, 1e-9)
        progress.add(
            EpochRecord(
                epoch=epoch + 1,
                loss=float(logs["loss"]),
                accuracy=float(logs["accuracy"]),
                val_loss=_optional(logs.get("val_loss")),
                val_accuracy=_optional(logs.get("val_accuracy")),
                learning_rate=self.model.learning_rate_at(progress.newest_step),
                duration_seconds=progress.epoch_seconds,
                pictures_per_second=images / seconds,
            )
        )


class ObserverCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the observer of each step; people count it and the epoch from 1."""

    def __init__(self, progress: Progress, observer: Observer) -> None:
        super().__init__()
        self.progress = progress
        self.observer = observer

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        progress = self.progress
        self.observer.batch_ended(progress.epoch + 1, progress.steps_done, logs)


def _optional(value: float | None) -> float | None:
    return None if value is None else float(value)
