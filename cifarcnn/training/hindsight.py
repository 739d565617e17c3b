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
    callbacks: Sequence[Any],
    model: keras.Model,
    records: Sequence[EpochRecord],
    heard: int,
) -> bool:
    """Let callbacks hear of epochs that are over.

    Args:
        callbacks: Of Keras, such as ``EarlyStopping``; they begin anew.
        model: Whose training they follow.
        records: The figures of the finished epochs.
        heard: After how many of them the learning rate is as it should be. An epoch
            is saved before they hear of it, so they may be owed the last one.

    Returns:
        Whether they would have ended the training after the last of them.
    """
    import keras

    optimizer = model.optimizer
    rate = float(to_numpy(optimizer.learning_rate))
    falls = any(isinstance(c, keras.callbacks.ReduceLROnPlateau) for c in callbacks)
    model.stop_training = False
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    for number, record in enumerate(records):
        if falls:
            # How far it fell decides when it may fall again.
            before = record.learning_rate if number < heard else rate
            optimizer.learning_rate = before
        model.stop_training = False
        logs = {
            "loss": record.loss,
            "accuracy": record.accuracy,
            "val_loss": record.val_loss,
            "val_accuracy": record.val_accuracy,
        }
        for callback in callbacks:
            callback.on_epoch_end(record.epoch - 1, dict(logs))
    if falls and heard >= len(records):
        optimizer.learning_rate = rate
    return bool(model.stop_training)


def as_keras_callback(
    callbacks: Sequence[Any],
    records: Callable[[], Sequence[EpochRecord]],
    heard: int,
) -> Any:
    """A callback that brings others up to date when ``fit`` begins.

    Args:
        callbacks: Those that stand before it in the list given to ``fit``, which has
            them begin anew.
        records: Gives the figures of the epochs that are finished by then.
        heard: As for :func:`tell_again`.
    """
    import keras

    class HindsightCallback(keras.callbacks.Callback):  # type: ignore[misc]
        """Tells again when the training begins."""

        def on_train_begin(self, logs: Any = None) -> None:
            tell_again(callbacks, self.model, records(), heard)

    return HindsightCallback()
