"""Ends a training whose numbers are not finite any more, at the very step."""

from __future__ import annotations

import math
import time
from typing import Any

import keras

from cifarcnn.errors import DivergedError, RunError
from cifarcnn.runs.weights import first_non_finite
from cifarcnn.training.callbacks.model_checkpoint import ModelCheckpoint
from cifarcnn.training.callbacks.progress import Arrays, Progress

# Of the time, at most, goes into copies of the weights.
_COPY_TIME_FRACTION = 0.01
NOT_FINITE = (
    "a number of the network or of the optimizer is not finite any more, although the "
    "loss still was"
)


class TerminateOnNaN(keras.callbacks.Callback):  # type: ignore[misc]
    """Looks at the loss of every step, and at the weights of every epoch.

    Unlike Keras's own it raises, names the step also where several run in one go, and
    copies the weights now and then until those of an epoch are saved.

    Raises:
        DivergedError: A loss or a weight is not finite; the message says where.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress
        self._copy: tuple[int, Arrays] | None = None
        self._next_copy = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        progress = self.progress
        if not math.isfinite(logs["loss"]):
            step = self.model.state.finite_steps() + 1
            progress.steps_done = min(step, progress.steps_done)
            place = progress.place("at")
            raise DivergedError(f"{place} the loss is not finite any more")
        if not progress.records and time.perf_counter() >= self._next_copy:
            self._copy_weights()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        place = self.progress.place("after")
        if not math.isfinite(logs.get("val_loss", 0.0)):
            raise DivergedError(f"{place} the validation loss is not finite")
        # One copy for all that is saved of the epoch.
        state = self.model.state.read()
        weights = self.model.state.weights(state)
        if first_non_finite(weights) is not None:
            raise DivergedError(f"{place} {NOT_FINITE}")
        self.progress.state, self.progress.weights = state, weights

    def explain(
        self, error: DivergedError, checkpoint: ModelCheckpoint, saved: str
    ) -> DivergedError:
        """The whole message, once the run has finite weights if there are any.

        Args:
            error: From a callback: what was found, and where.
            checkpoint: Saves the copy, where no weights are saved yet.
            saved: A sentence on the newest checkpoint, or nothing.
        """
        rate = self.model.learning_rate_at(self.progress.newest_step)
        words = " ".join(filter(None, (self._save_copy(checkpoint), saved)))
        return DivergedError(
            f"{error}: the training diverged, at a learning rate of {rate:.3g}. Train "
            "anew with a tenth of it, a warm-up, or clipping (training.optimizer: "
            f"clipnorm); --resume would come to the same again. {words}"
        )

    def _save_copy(self, checkpoint: ModelCheckpoint) -> str:
        run = checkpoint.run
        if checkpoint.saved_epochs or run.has_weights or self._copy is None:
            return checkpoint.describe_saved()
        steps, weights = self._copy
        try:
            checkpoint.save_now(weights)
        except RunError as failure:
            return str(failure)
        return f"The weights after step {steps} are kept in {run.path}."

    def _copy_weights(self) -> None:
        start = time.perf_counter()
        weights = self.model.read_weights()
        if first_non_finite(weights) is None:
            self._copy = (self.progress.steps_done, weights)
        end = time.perf_counter()
        self._next_copy = end + (end - start) / _COPY_TIME_FRACTION
