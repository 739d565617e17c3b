"""How far a training has come, which the callbacks share."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import keras
import numpy as np

from cifarcnn.runs.checkpoints import CheckpointState
from cifarcnn.runs.history import EpochRecord
from cifarcnn.training.observer import Plan

Arrays: TypeAlias = Mapping[str, np.ndarray[Any, Any]]


class Progress:
    """Plain facts about a training; epochs are counted from 0, as Keras counts them.

    Attributes:
        plan: What is to be done.
        epoch: The current one.
        steps_done: Steps of it that are done.
        logs: Its means once no step of it is left to do, else ``None``.
        epoch_start: When it began; of one that was cut short, as if without the cut.
        steps_end: When its newest step was done.
        records: The figures of each finished epoch.
        state: All numbers of the model at the end of the epoch that ends, until they
            are handed on to be saved.
        weights: Those of them to keep, when they are known to be finite.
        best: The record of the best epoch so far, or ``None`` before the first.
        best_weights: Its weights.
    """

    def __init__(
        self, plan: Plan, best_by: Literal["val_loss", "val_accuracy"]
    ) -> None:
        self.plan = plan
        self.best_by = best_by
        self.epoch = plan.epochs_done
        self.steps_done = 0
        self.logs: Mapping[Any, float] | None = None
        self._newest_logs: Mapping[Any, float] = {}
        self.epoch_start = self.steps_end = self._start = time.perf_counter()
        self.records: list[EpochRecord] = []
        self.state: Arrays = {}
        self.weights: Arrays = {}
        self.best: EpochRecord | None = None
        self.best_weights: Arrays = {}
        self._resumed: CheckpointState | None = None

    def restore(self, state: CheckpointState, best_weights: Arrays) -> None:
        """Know what was known when a checkpoint was written."""
        self._resumed = state
        self._start -= state.training_seconds
        self.records = list(state.records)
        self.best = self.records[state.best_epoch - 1] if state.best_epoch else None
        self.best_weights = best_weights

    def begin_epoch(self, epoch: int) -> None:
        """Start the clock of an epoch, or go on in one that was cut short."""
        self.epoch, self.steps_done, self.logs = epoch, 0, None
        self.epoch_start = self.steps_end = time.perf_counter()
        state = self._resumed
        if state is not None and state.step and state.epoch == epoch:
            self.steps_done, self.logs = state.step, state.logs
            self.epoch_start -= state.epoch_seconds

    def end_step(self, step: int, logs: Mapping[str, float]) -> None:
        """Take note of a finished step, or of the last of a few that ran in one go.

        Args:
            step: Counted from 0.
            logs: Means over the epoch so far.
        """
        self.steps_done = step + 1
        self.steps_end = time.perf_counter()
        self._newest_logs = dict(logs)
        if self.steps_done == self.plan.steps_per_epoch:
            self.end_steps()

    def end_steps(self) -> None:
        """Do without the steps that are left, if a callback of the user says so."""
        if self.logs is None:
            self.logs = self._newest_logs

    def add(self, record: EpochRecord) -> None:
        """Take note of a finished epoch, whose weights are ``weights``."""
        if self._is_better(record):
            self.best, self.best_weights = record, self.weights
        self.records.append(record)

    @property
    def newest_step(self) -> int:
        """The newest step that is done, counted from 0 over the whole training."""
        return self.epoch * self.plan.steps_per_epoch + self.steps_done - 1

    @property
    def epoch_seconds(self) -> float:
        """How long the current epoch takes so far."""
        return time.perf_counter() - self.epoch_start

    @property
    def training_seconds(self) -> float:
        """How long the training took so far, without the time between its parts."""
        return time.perf_counter() - self._start

    def place(self, word: str) -> str:
        """Such as ``In epoch 1, at step 2 of 4,``: for people, who count from 1."""
        steps = self.plan.steps_per_epoch
        return f"In epoch {self.epoch + 1}, {word} step {self.steps_done} of {steps},"

    def _is_better(self, record: EpochRecord) -> bool:
        if self.best is None or record.val_loss is None:
            return True
        if self.best_by == "val_accuracy":
            return (record.val_accuracy or 0.0) > (self.best.val_accuracy or 0.0)
        return self.best.val_loss is None or record.val_loss < self.best.val_loss


class TrackProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the progress up to date."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress
        self._first_step = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.progress.begin_epoch(epoch)
        self._first_step = self.progress.steps_done

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.progress.end_step(self._first_step + batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        # The metrics are those of the validation from here on.
        self.progress.end_steps()
