"""Keras's callbacks, brought to where the epochs of before had them.

Early stopping and the fall of the rate on a plateau depend on nothing but the figures
of the epochs, so that they need no state of their own: they hear the figures again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from cifarcnn.runs import EpochRecord


def tell_again(
    callbacks: Sequence[Any],
    model: keras.Model,
    records: Sequence[EpochRecord],
    first_rate: float | None = None,
) -> bool:
    """Let callbacks hear of epochs that are over.

    Args:
        callbacks: Of Keras, such as ``EarlyStopping``; they begin anew.
        model: Whose training they follow.
        records: The figures of the finished epochs.
        first_rate: The learning rate of the first epoch, where a callback moves it: a
            checkpoint may be of before the last move. ``None`` where none does.

    Returns:
        Whether they would have ended the training after the last of them.
    """
    if first_rate is not None:
        model.optimizer.learning_rate = first_rate
    model.stop_training = False
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    for record in records:
        model.stop_training = False
        logs = {
            "loss": record.loss,
            "accuracy": record.accuracy,
            "val_loss": record.val_loss,
            "val_accuracy": record.val_accuracy,
        }
        for callback in callbacks:
            callback.on_epoch_end(record.epoch - 1, dict(logs))
    return bool(model.stop_training)


def as_keras_callback(tell: Callable[[], object]) -> Any:
    """A callback that brings others up to date when ``fit`` begins.

    Args:
        tell: Has those that stand before it in the list given to ``fit`` hear again of
            the epochs that are finished by then; ``fit`` made them begin anew.
    """
    import keras

    class HindsightCallback(keras.callbacks.Callback):  # type: ignore[misc]
        """Tells again when the training begins."""

        def on_train_begin(self, logs: Any = None) -> None:
            tell()
            # An epoch that is begun is finished, whatever they say of those before.
            self.model.stop_training = False

    return HindsightCallback()
