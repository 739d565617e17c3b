"""Keras's ``fit`` over the epochs that are left of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from cifarcnn.config.summary import EVALUATION_BATCH_SIZE
from cifarcnn.runs.checkpoints import CheckpointState
from cifarcnn.training.callbacks.training_callbacks import TrainingCallbacks
from cifarcnn.training.input_pipeline import validation_inputs
from cifarcnn.training.training_data import TrainingData
from cifarcnn.training.training_model import TrainingModel


def fit(
    data: TrainingData,
    ours: TrainingCallbacks,
    users: Sequence[keras.callbacks.Callback],
    state: CheckpointState | None,
) -> None:
    """Train until the last epoch is over, or something ends it before.

    An epoch that was cut short is a ``fit`` of its own, since Keras asks only once how
    many batches an epoch has.

    Args:
        data: The images.
        ours: The callbacks of the program, which know the model and the batches.
        users: Those of the user.
        state: Where the training goes on; ``None`` from the beginning.

    Raises:
        DivergedError: A loss or a weight is not finite any more.
        RunError: The files of the run cannot be written.
        Stopped: A signal came; what was trained is saved.
    """
    model, batches, epochs = ours.model, ours.batches, ours.progress.plan.epochs
    callbacks = ours.in_order(users)
    validation = validation_inputs(data, batches.augmentation)

    def fit_epochs(first: int, end: int, first_step: int = 0) -> None:
        batches.first_step = first_step
        model.fit(
            batches,
            initial_epoch=first,
            epochs=end,
            callbacks=callbacks,
            validation_data=validation,
            validation_batch_size=EVALUATION_BATCH_SIZE,
            shuffle=False,
            verbose=0,
        )

    epoch = state.epoch if state else 0
    if state is not None and state.step:
        if state.logs is None:
            fit_epochs(epoch, epoch + 1, state.step)
        else:
            _validate(model, epoch, state.logs, validation, callbacks)
        if model.stop_training:
            return
        epoch += 1
    if epoch < epochs and not ours.replay.replay():
        fit_epochs(epoch, epochs)


def _validate(
    model: TrainingModel,
    epoch: int,
    logs: Mapping[Any, float],
    validation: tuple[Any, Any] | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """What is left of an epoch whose steps are all done, with the events of ``fit``."""
    listed = keras.callbacks.CallbackList(
        callbacks, model=model, epochs=epoch + 1, steps=0, verbose=0
    )
    model.stop_training = False
    listed.on_train_begin()
    listed.on_epoch_begin(epoch)
    figures = dict(logs)
    if validation is not None:
        found = model.evaluate(
            *validation,
            batch_size=EVALUATION_BATCH_SIZE,
            callbacks=listed,
            return_dict=True,
            verbose=0,
        )
        figures |= {f"val_{name}": value for name, value in found.items()}
    listed.on_epoch_end(epoch, figures)
    listed.on_train_end(figures)
