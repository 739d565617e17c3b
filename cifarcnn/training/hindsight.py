"""Keras's callbacks, brought to where the epochs of before had them.

Early stopping and the fall of the rate on a plateau depend on nothing but the figures
of the epochs, so that they need no state of their own: they hear the figures again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cifarcnn.network import to_numpy

if TYPE_CHECKING:
    import keras

    from cifarcnn.runs import EpochRecord


def tell_again(
    callbacks: Sequence[Any], model: keras.Model, records: Sequence[EpochRecord]
) -> bool:
    """Let callbacks hear of epochs that are over.

    Args:
        callbacks: Of Keras, such as ``EarlyStopping``; they begin anew.
        model: Whose training they follow. Its learning rate stays as it is.
        records: The figures of the finished epochs.

    Returns:
        Whether they would have ended the training after the last of them.
    """
    optimizer = model.optimizer
    rate = float(to_numpy(optimizer.learning_rate))
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
    if float(to_numpy(optimizer.learning_rate)) != rate:
        optimizer.learning_rate = rate
    return bool(model.stop_training)


def as_keras_callback(
    callbacks: Sequence[Any], records: Callable[[], Sequence[EpochRecord]]
) -> Any:
    """A callback that brings others up to date when ``fit`` begins.

    Args:
        callbacks: Those that stand before it in the list given to ``fit``, which has
            them begin anew.
        records: Gives the figures of the epochs that are finished by then.
    """
    import keras

    class HindsightCallback(keras.callbacks.Callback):  # type: ignore[misc]
        """Tells again when the training begins."""

        def on_train_begin(self, logs: Any = None) -> None:
            tell_again(callbacks, self.model, records())

    return HindsightCallback()
