"""A signal, or the end of its time, ends a training at a step, after saving it."""

from __future__ import annotations

import math
import shlex
from typing import Any

import keras

from cifarcnn.engine.distribution import largest_of_hosts
from cifarcnn.errors import RunError, Stopped, TimeIsUp
from cifarcnn.training.callbacks.backup_and_restore import BackupAndRestore
from cifarcnn.training.callbacks.model_checkpoint import ModelCheckpoint
from cifarcnn.training.callbacks.progress import Progress
from cifarcnn.training.stop_request import StopRequest


class StopTraining(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training after the step in which a signal was received.

    Or before the first step that would end behind ``training.max_minutes``, when it
    takes as long as the one before it.

    Raises:
        Stopped: A signal came; what was trained is saved, or the message says why not.
        TimeIsUp: Likewise, of the time.
    """

    def __init__(
        self,
        request: StopRequest,
        progress: Progress,
        backup: BackupAndRestore,
        checkpoint: ModelCheckpoint,
        writes: bool = True,
    ) -> None:
        super().__init__()
        self.writes = writes
        self.request = request
        self.progress = progress
        self.backup = backup
        self.checkpoint = checkpoint
        self._left = math.inf

    def on_train_begin(self, logs: Any = None) -> None:
        self._left = self.request.seconds_left()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_asked()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        before, self._left = self._left, self.request.seconds_left()
        # As long as the last step took, what was computed before it included.
        is_up = self._left < before - self._left
        signal = self.request.signals[0] if self.request.signals else 0
        # Several hosts stop together, whichever of them is asked.
        signal, over = map(int, largest_of_hosts(signal, is_up))
        if not (signal or over):
            return
        failure = ""
        try:
            if self.writes:
                self.backup.save_now()
                self.checkpoint.save_now(self.model.read_weights())
        except RunError as error:
            failure = f"{error} {self.backup.describe_saved()}".rstrip()
        if signal:
            raise Stopped(signal, self._describe("", failure))
        plan, done = self.progress.plan, self.progress
        steps = (plan.epochs - done.epoch) * plan.steps_per_epoch - done.steps_done
        left = (
            f" The {self.request.max_minutes:g} minutes of {self.request.name} are "
            f"over; {steps:,} of {plan.epochs * plan.steps_per_epoch:,} steps are left."
        )
        raise TimeIsUp(self._describe(left, failure), self.checkpoint.run.path)

    def _describe(self, why: str, failure: str) -> str:
        progress, path = self.progress, self.checkpoint.run.path
        place = (
            f"Stopped in epoch {progress.epoch + 1} of {progress.plan.epochs}, after "
            f"step {progress.steps_done} of {progress.plan.steps_per_epoch}.{why}"
        )
        if not self.writes:
            return f"{place} The first host has kept what was trained."
        quoted = shlex.quote(str(path))
        resume = f"Go on with: cifarcnn train --resume {quoted}"
        if failure:
            return f"{place} This moment could not be saved: {failure}\n{resume}"
        if progress.best is None:
            kept = "the weights of this moment"
        elif self.checkpoint.weights == "last":
            kept = "the weights of this moment and the history"
        else:
            kept = (
                f"the best weights (epoch {progress.best.epoch}), those of this moment "
                "(last.safetensors) and the history"
            )
        return (
            f"{place} Kept in {path}: {kept}. Judge them with: cifarcnn evaluate --run "
            f"{quoted}\n{resume}"
        )
