"""Keras's own callbacks, brought to where the epochs of before had them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from cifarcnn.training.callbacks.progress import Progress


class ReplayEpochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Has callbacks hear again of the finished epochs whenever ``fit`` begins.

    Early stopping and the fall of the rate on a plateau depend on nothing but the
    figures of the epochs, so that they need no state of their own in a checkpoint. To
    stand behind them in the list, because ``fit`` makes them begin anew.

    Attributes:
        first_learning_rate: That of the first epoch, where one of them moves it: a
            checkpoint may be of before the last move. ``None`` where none does.
        initial_epoch: The first epoch that they hear of, counted from 0.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        progress: Progress,
        first_learning_rate: float | None = None,
        initial_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.callbacks = callbacks
        self.progress = progress
        self.first_learning_rate = first_learning_rate
        self.initial_epoch = initial_epoch

    def on_train_begin(self, logs: Any = None) -> None:
        self.replay()
        # An epoch that is begun is finished, whatever they say of those before.
        self.model.stop_training = False

    def replay(self) -> bool:
        """Tell them of all finished epochs.

        Returns:
            Whether they end the training after the last of them.
        """
        model = self.model
        if self.first_learning_rate is not None:
            model.optimizer.learning_rate = self.first_learning_rate
        model.stop_training = False
        for callback in self.callbacks:
            callback.set_model(model)
            callback.on_train_begin()
        for record in self.progress.records[self.initial_epoch :]:
            model.stop_training = False
            logs = {
                "loss": record.loss,
                "accuracy": record.accuracy,
                "val_loss": record.val_loss,
                "val_accuracy": record.val_accuracy,
            }
            for callback in self.callbacks:
                callback.on_epoch_end(record.epoch - 1, dict(logs))
        return bool(model.stop_training)
