"""SIGINT, SIGTERM and SIGHUP end a training at the next step, after saving it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import keras

from cifarcnn.errors import RunError, Stopped
from cifarcnn.training.callbacks.backup_and_restore import BackupAndRestore
from cifarcnn.training.callbacks.model_checkpoint import ModelCheckpoint
from cifarcnn.training.callbacks.progress import Progress


class StopOnSignal(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training after the step in which a signal was received.

    Raises:
        Stopped: One came; what was trained is saved, or the message says why not.
    """

    def __init__(
        self,
        received: Sequence[int],
        progress: Progress,
        backup: BackupAndRestore,
        checkpoint: ModelCheckpoint,
    ) -> None:
        super().__init__()
        self.received = received
        self.progress = progress
        self.backup = backup
        self.checkpoint = checkpoint

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_asked()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if not self.received:
            return
        failure = ""
        try:
            self.backup.save_now()
            self.checkpoint.save_now(self.model.read_weights())
        except RunError as error:
            failure = f"{error} {self.backup.describe_saved()}".rstrip()
        raise Stopped(self.received[0], self._describe(failure))

    def _describe(self, failure: str) -> str:
        progress, path = self.progress, self.checkpoint.run.path
        place = (
            f"Stopped in epoch {progress.epoch + 1} of {progress.plan.epochs}, after "
            f"step {progress.steps_done} of {progress.plan.steps_per_epoch}."
        )
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
