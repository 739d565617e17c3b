"""The epochs that are left of a training, with the events of Keras's ``fit``.

Keras's own loop hands each batch from Python to the device, and knows before it begins
how many steps run between two events. On an H100 the steps of a small network take a
fifth of the time when the numbers of many steps and the loop lie on the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from typing import Any

import keras

from cifarcnn.network.predict import evaluation_batch_size
from cifarcnn.training.blocks import Block
from cifarcnn.training.callbacks.training_callbacks import TrainingCallbacks
from cifarcnn.training.compilation import compilation_told
from cifarcnn.training.input_pipeline import ValidationBatches, validation_batches
from cifarcnn.training.steps_per_execution import StepsPerExecution
from cifarcnn.training.training_data import TrainingData
from cifarcnn.training.training_model import Steps


def fit(
    data: TrainingData,
    ours: TrainingCallbacks,
    users: Sequence[keras.callbacks.Callback],
    steps_per_execution: StepsPerExecution,
) -> bool:
    """Train until the last epoch of the current fit is over, or something ends it.

    Callbacks hear of an epoch that was cut short as of a ``fit`` of its own.

    Args:
        data: The images.
        ours: The callbacks of the program, which know the model and the batches.
        users: Those of the user.
        steps_per_execution: Steps between two events.

    Returns:
        Whether the training may go on with another fit.

    Raises:
        DataError: The images cannot be read any more.
        DivergedError: A loss or a weight is not finite any more.
        RunError: The files of the run cannot be written.
        Stopped: A signal came; what was trained is saved.
    """
    plan, end = ours.progress.plan, ours.fit.epochs
    epoch = max(plan.epochs_done, ours.fit.initial_epoch)
    with ExitStack() as threads:
        threads.enter_context(closing(ours.batches))
        fitting = _Fitting(data, ours, users, steps_per_execution)
        if fitting.validation is not None:
            threads.enter_context(closing(fitting.validation))
        if plan.steps_done and epoch == plan.epochs_done:
            fitting.fit(epoch, epoch + 1, plan.steps_done)
            if ours.model.stop_training:
                return False
            epoch += 1
        if ours.replay.replay():
            return False
        if epoch < end:
            fitting.fit(epoch, end)
        return not ours.model.stop_training


class _Fitting:
    """The steps of a training, and who hears of them."""

    def __init__(
        self,
        data: TrainingData,
        ours: TrainingCallbacks,
        users: Sequence[keras.callbacks.Callback],
        steps_per_execution: StepsPerExecution,
    ) -> None:
        self.model, self.batches = ours.model, ours.batches
        self.progress, self.observer = ours.progress, ours.observer
        self.callbacks = ours.in_order(users)
        self.train_execution = steps_per_execution
        self.compiled = False
        self.train_steps = self.model.make_steps(self.batches, training=True)
        self.validation = validation_batches(
            data,
            self.batches.augmentation,
            self.batches.streamed,
            evaluation_batch_size(self.model),
        )
        if self.validation is not None:
            self.test_steps = self.model.make_steps(self.validation, training=False)
            self.test_execution = replace(steps_per_execution)

    def fit(self, first: int, end: int, first_step: int = 0) -> None:
        """The epochs from one, of which some steps may be done, up to another."""
        model = self.model
        callbacks = keras.callbacks.CallbackList(
            self.callbacks,
            add_history=True,
            model=model,
            epochs=end,
            steps=self.batches.steps_per_epoch - first_step,
            verbose=0,
        )
        self._compile(first, first_step)
        model.stop_training = False
        callbacks.on_train_begin()
        figures: dict[str, Any] = {}
        for epoch in range(first, end):
            model.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            figures = self._train(epoch, callbacks, last=epoch + 1 == end)
            if self.validation is not None:
                found = self._validate(callbacks, self.validation)
                figures |= {f"val_{name}": value for name, value in found.items()}
            callbacks.on_epoch_end(epoch, figures)
            if model.stop_training:
                break
        callbacks.on_train_end(figures)

    def _compile(self, epoch: int, step: int) -> None:
        """Compile all there is to compile, by doing no step."""
        if self.compiled:
            return
        step = min(step, self.batches.steps_per_epoch - 1)
        numbers = self.batches.block(epoch, step).numbers
        with compilation_told(self.observer, self.model.jit_compile):
            self.train_steps(numbers, 0, 0)
            if self.validation is not None:
                self.test_steps(self.validation.block(0, 0).numbers, 0, 0)
        self.compiled = True

    def _train(self, epoch: int, callbacks: Any, last: bool) -> dict[str, Any]:
        """The steps of an epoch that are left."""
        progress, model = self.progress, self.model
        if progress.logs is not None:
            return dict(progress.logs)
        # Callbacks hear of the steps from here on, counted from 0.
        first = step = progress.steps_done
        logs: dict[str, Any] = {}
        for block in self.batches.blocks(epoch, step, None if last else epoch + 1):
            execute = partial(execute_steps, self.train_steps, block)
            while step < block.end:
                callbacks.on_train_batch_begin(step - first)
                step, logs = self.train_execution.run(execute, step, block.end)
                callbacks.on_train_batch_end(step - first - 1, logs)
                # Asked here, so that an epoch has figures whoever asked before.
                if model.stop_training:
                    return logs
        return logs

    def _validate(
        self, callbacks: Any, validation: ValidationBatches
    ) -> dict[str, Any]:
        model = self.model
        model.stop_evaluating = False
        callbacks.on_test_begin()
        model.reset_metrics()
        step = 0
        logs: dict[str, Any] = {}
        # The first block lies ready for the next time.
        for block in validation.blocks(0, 0, then=0):
            execute = partial(execute_steps, self.test_steps, block)
            while step < block.end and not (logs and model.stop_evaluating):
                callbacks.on_test_batch_begin(step)
                step, logs = self.test_execution.run(execute, step, block.end)
                callbacks.on_test_batch_end(step - 1, logs)
            # Asked behind some steps, so that there are figures whoever asked before.
            if model.stop_evaluating:
                break
        callbacks.on_test_end(logs)
        return logs


def execute_steps(
    steps: Steps, block: Block, first: int, end: int
) -> Mapping[str, Any]:
    """Some steps of a block, counted in the epoch."""
    return steps(block.numbers, first - block.first, end - block.first)
