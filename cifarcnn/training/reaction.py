"""What happens between the steps: one Keras callback for all that is ours."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cifarcnn.errors import RunError, Stopped
from cifarcnn.training.keeper import Keeper, describe_divergence
from cifarcnn.training.observer import EpochRecord, Observer, Plan
from cifarcnn.training.signals import SignalWatch

if TYPE_CHECKING:
    from cifarcnn.training.keeper import Arrays


class Reaction:
    """Hears of each step and epoch from ``fit`` and acts.

    It stops when the loss is not finite or a signal came, has the keeper save each
    epoch, and tells the observer. Epochs and steps are counted from 0 here, as Keras
    does, and from 1 in all that it tells.
    """

    def __init__(
        self,
        *,
        read_weights: Callable[[], Arrays],
        plan: Plan,
        keeper: Keeper,
        observer: Observer,
        signals: SignalWatch,
        rate_at: Callable[[int], float],
    ) -> None:
        """Connect the parts.

        Args:
            read_weights: Gives copies of the weights to keep, as they are now.
            plan: What is done.
            keeper: Saves.
            observer: Is told.
            signals: Remembers a signal.
            rate_at: The learning rate of a step, counted over the whole training.
        """
        self.read_weights = read_weights
        self.plan = plan
        self.keeper = keeper
        self.observer = observer
        self.signals = signals
        self.rate_at = rate_at
        self.epoch = 0
        self.step = 0
        self._epoch_start = 0.0
        self._training_end = 0.0

    def epoch_began(self, epoch: int) -> None:
        """Start the clock of an epoch."""
        self.epoch, self.step = epoch, 0
        self._epoch_start = time.perf_counter()

    def batch_ended(self, step: int, logs: Mapping[str, float]) -> None:
        """React to a finished step, or to the last of a few that ran in one go.

        Args:
            step: Keras counts full executions, also where the epoch ends before.
            logs: Means over the epoch so far.

        Raises:
            RunError: The loss is not finite.
            Stopped: A signal came; the weights are saved.
        """
        step = self.step = min(step, self.plan.steps_per_epoch - 1)
        if not math.isfinite(logs["loss"]):
            raise RunError(
                describe_divergence(
                    f"In epoch {self.epoch + 1}, by step {step + 1} of "
                    f"{self.plan.steps_per_epoch},",
                    self._rate(),
                    self.keeper.describe_kept(),
                )
            )
        self.stop_if_asked()
        if step + 1 == self.plan.steps_per_epoch:
            self._training_end = time.perf_counter()
        self.observer.batch_ended(self.epoch + 1, step + 1, logs)

    def epoch_ended(self, logs: Mapping[str, float]) -> None:
        """Save and report an epoch.

        Raises:
            RunError: A loss or a weight is not finite, or the disk is full.
            Stopped: A signal came.
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
            pictures_per_second=self.plan.pictures_per_epoch / training_seconds,
        )
        self.keeper.epoch_ended(record, self.read_weights())
        self.observer.epoch_ended(record)

    def stop_if_asked(self) -> None:
        """End the training if a signal came.

        Raises:
            Stopped: One came; the weights are saved.
        """
        number = self.signals.received
        if number is None:
            return
        self.keeper.stopped(self.read_weights())
        raise Stopped(number, self._describe_stop())

    def _describe_stop(self) -> str:
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
        return (
            f"Stopped in epoch {self.epoch + 1} of {self.plan.epochs}, after step "
            f"{self.step + 1} of {self.plan.steps_per_epoch}. Kept in {path}: {kept}. "
            f"Judge them with: cifarcnn evaluate --run {path}"
        )

    def _rate(self) -> float:
        return self.rate_at(self.epoch * self.plan.steps_per_epoch + self.step)


def as_keras_callback(reaction: Reaction, dataset: Any) -> Any:
    """``reaction`` as a ``keras.callbacks.Callback`` that also turns the epochs.

    Args:
        reaction: What to call.
        dataset: Its ``epoch`` is set before Keras reads the epoch's batches.
    """
    import keras

    class ReactionCallback(keras.callbacks.Callback):  # type: ignore[misc]
        """Hands each event on."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            dataset.epoch = epoch
            reaction.epoch_began(epoch)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if reaction.signals.received is not None:
                self._bring_weights_up_to_date()
            reaction.batch_ended(batch, logs)

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            if reaction.signals.received is not None:
                self._bring_weights_up_to_date()
                reaction.stop_if_asked()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._bring_weights_up_to_date()
            reaction.epoch_ended(logs)

        def _bring_weights_up_to_date(self) -> None:
            # On JAX the weights lag behind during an epoch; reading this property
            # of Keras's callbacks brings them in.
            _ = self.model

    return ReactionCallback()


def _optional(value: float | None) -> float | None:
    return None if value is None else float(value)
