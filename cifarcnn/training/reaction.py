"""What happens between the steps: one Keras callback for all that is ours."""

from __future__ import annotations

import errno
import math
import shlex
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cifarcnn.errors import DivergedError, RunError, Stopped
from cifarcnn.runs import EpochRecord
from cifarcnn.runs.weights import first_non_finite
from cifarcnn.training.fallback import Fallback
from cifarcnn.training.keeper import Keeper
from cifarcnn.training.observer import Observer, Plan
from cifarcnn.training.signals import SignalWatch

if TYPE_CHECKING:
    from cifarcnn.runs.checkpoints import CheckpointState
    from cifarcnn.training.checkpointer import Checkpointer
    from cifarcnn.training.keeper import Arrays

# The disk may have room again at the next try; a folder that is gone stays so.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NUMBERS = (
    "a number of the network or of the optimizer is not finite any more, although the "
    "loss still was"
)


class Reaction:
    """Hears of each step and epoch from ``fit`` and acts.

    It stops when the loss is not finite or a signal came, has each epoch saved, and
    tells the observer. Epochs and steps are counted from 0 here, as Keras does, and
    from 1 in all that it tells.
    """

    def __init__(
        self,
        *,
        read_weights: Callable[[], Arrays],
        plan: Plan,
        keeper: Keeper,
        checkpointer: Checkpointer,
        observer: Observer,
        signals: SignalWatch,
        rate_at: Callable[[int], float],
        finite_steps: Callable[[], int],
    ) -> None:
        """Connect the parts.

        Args:
            read_weights: Gives copies of the weights to keep, as they are now.
            plan: What is done.
            keeper: Saves what the epochs came to.
            checkpointer: Saves what the training needs to go on.
            observer: Is told.
            signals: Remembers a signal.
            rate_at: The learning rate of a step, counted over the whole training.
            finite_steps: The steps of the epoch up to the first whose loss was not
                finite; asked only when there was one.
        """
        self.read_weights = read_weights
        self.plan = plan
        self.keeper = keeper
        self.checkpointer = checkpointer
        self.observer = observer
        self.signals = signals
        self.rate_at = rate_at
        self.finite_steps = finite_steps
        self.fallback = Fallback(keeper, read_weights)
        self.epoch = 0
        self.step = 0
        self._epoch_start = 0.0
        self._training_end = 0.0
        self._epoch_logs: Mapping[Any, float] | None = None

    def epoch_began(self, epoch: int) -> None:
        """Start the clock of an epoch."""
        self.epoch, self.step = epoch, 0
        self._epoch_logs = None
        self._epoch_start = time.perf_counter()

    def epoch_resumed(self, state: CheckpointState) -> None:
        """Go on in an epoch that was cut short."""
        self.epoch, self.step = state.epoch, state.step - 1
        self._epoch_logs = state.logs
        self._training_end = time.perf_counter()
        self._epoch_start = self._training_end - state.epoch_seconds

    def batch_ended(self, step: int, logs: Mapping[str, float]) -> None:
        """React to a finished step, or to the last of a few that ran in one go.

        Args:
            step: Keras counts full executions, also where the epoch ends before.
            logs: Means over the epoch so far.

        Raises:
            DivergedError: The loss, or a number in a checkpoint, is not finite.
            RunError: A checkpoint is due and cannot be written, for good.
            Stopped: A signal came; the weights are saved.
        """
        step = self.step = min(step, self.plan.steps_per_epoch - 1)
        if not math.isfinite(logs["loss"]):
            self.step = min(self.finite_steps(), step)
            raise self._diverged(f"{self._place('at')} the loss is not finite any more")
        if step + 1 == self.plan.steps_per_epoch:
            self._training_end = time.perf_counter()
            self._epoch_logs = dict(logs)
        self.stop_if_asked()
        if self.checkpointer.due():
            self._try(self._save_checkpoint)
        if self.fallback.due():
            self.fallback.copy(step + 1)
        self.observer.batch_ended(self.epoch + 1, step + 1, logs)

    def epoch_ended(self, logs: Mapping[str, float]) -> None:
        """Save and report an epoch.

        Raises:
            DivergedError: A loss or a weight is not finite.
            RunError: The files cannot be written, for good.
        """
        now = time.perf_counter()
        training_seconds = max(self._training_end - self._epoch_start, 1e-9)
        record = EpochRecord(
            epoch=self.epoch + 1,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            val_loss=_optional(logs.get("val_loss")),
            val_accuracy=_optional(logs.get("val_accuracy")),
            learning_rate=self._rate(),
            duration_seconds=now - self._epoch_start,
            pictures_per_second=self.plan.images_per_epoch / training_seconds,
        )
        if not math.isfinite(record.val_loss or 0.0):
            raise self._diverged(
                f"{self._place('after')} the validation loss is not finite"
            )
        arrays = self.read_weights()
        if first_non_finite(arrays):
            raise self._diverged(f"{self._place('after')} {_NUMBERS}")
        self.keeper.admit(record, arrays)
        # First, so that the other files are never ahead of what can go on.
        self._try(lambda: self.checkpointer.save(self.epoch + 1, 0, 0.0))
        self._try(lambda: self.keeper.write(arrays))
        self.observer.epoch_ended(record)

    def stop_if_asked(self) -> None:
        """End the training if a signal came.

        Raises:
            Stopped: One came; what was trained is saved, or the message says why not.
        """
        number = self.signals.received
        if number is None:
            return
        failure = ""
        try:
            self._save_checkpoint()
            self.keeper.stopped(self.read_weights())
        except RunError as error:
            failure = f"{error} {self.checkpointer.describe_saved()}".rstrip()
        raise Stopped(number, self._describe_stop(failure))

    def _save_checkpoint(self) -> None:
        self.checkpointer.save(
            self.epoch,
            self.step + 1,
            time.perf_counter() - self._epoch_start,
            self._epoch_logs,
        )

    def _try(self, save: Callable[[], None]) -> None:
        """Save; where the disk is full only say so, since it may not stay so.

        Raises:
            DivergedError: A number is not finite.
            RunError: It cannot be saved, and later will not do either.
        """
        try:
            save()
        except DivergedError as error:
            raise self._diverged(f"{self._place('after')} {_NUMBERS}") from error
        except RunError as error:
            cause = error.__cause__
            if not isinstance(cause, OSError) or cause.errno not in _PASSING:
                raise
            self.observer.remarked(
                f"{error} The training goes on, and tries again at its next save."
            )

    def _diverged(self, found: str) -> DivergedError:
        """The error for numbers that are not finite, once what can be kept is."""
        words = (self.fallback.keep(), self.checkpointer.describe_saved())
        return DivergedError(
            f"{found}: the training diverged, at a learning rate of {self._rate():.3g}."
            " Train anew with a tenth of it, a warm-up, or clipping "
            "(training.optimizer: clipnorm); --resume would come to the same again. "
            f"{' '.join(filter(None, words))}"
        )

    def _describe_stop(self, failure: str) -> str:
        path = self.keeper.run.path
        best = self.keeper.best
        if best is None:
            kept = "the weights of this moment"
        elif self.keeper.weights == "last":
            kept = "the weights of this moment and the history"
        else:
            kept = (
                f"the best weights (epoch {best.epoch}), those of this moment "
                "(last.safetensors) and the history"
            )
        place = (
            f"Stopped in epoch {self.epoch + 1} of {self.plan.epochs}, after step "
            f"{self.step + 1} of {self.plan.steps_per_epoch}."
        )
        quoted = shlex.quote(str(path))
        go_on = f"Go on with: cifarcnn train --resume {quoted}"
        if failure:
            return f"{place} This moment could not be saved: {failure}\n{go_on}"
        return (
            f"{place} Kept in {path}: {kept}. Judge them with: cifarcnn evaluate --run "
            f"{quoted}\n{go_on}"
        )

    def _place(self, word: str) -> str:
        steps = self.plan.steps_per_epoch
        return f"In epoch {self.epoch + 1}, {word} step {self.step + 1} of {steps},"

    def _rate(self) -> float:
        return self.rate_at(self.epoch * self.plan.steps_per_epoch + self.step)


def as_keras_callback(
    reaction: Reaction, dataset: Any, epoch_began: Callable[[int], None]
) -> Any:
    """``reaction`` as a ``keras.callbacks.Callback`` that also turns the epochs.

    Args:
        reaction: What to call.
        dataset: Its ``epoch`` is set before Keras reads the epoch's batches.
        epoch_began: What to call with each epoch that begins.
    """
    import keras

    class ReactionCallback(keras.callbacks.Callback):  # type: ignore[misc]
        """Hands each event on."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            dataset.epoch = epoch
            epoch_began(epoch)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            reaction.batch_ended(dataset.first_step + batch, logs)

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            reaction.stop_if_asked()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            reaction.epoch_ended(logs)

    return ReactionCallback()


def _optional(value: float | None) -> float | None:
    return None if value is None else float(value)
