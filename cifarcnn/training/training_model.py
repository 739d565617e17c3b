"""The model that ``fit`` trains: from indices of images to the logits of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from cifarcnn.config import Config
from cifarcnn.engine.backend import repeat_steps
from cifarcnn.engine.distribution import in_each_replica, uses_replicas
from cifarcnn.engine.mirrored_strategy import add_up_gradients, replica_count
from cifarcnn.network.training_layers import BatchMask, OwnRows
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.augmentation.pipeline import Augmentation, AugmentationLayer
from cifarcnn.training.batches import Batches
from cifarcnn.training.blocks import Numbers
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.input_table import InputTable
from cifarcnn.training.learning_rate_schedules import PlannedRate, learning_rate
from cifarcnn.training.loss import crossentropy
from cifarcnn.training.metrics import Accuracy, count_images
from cifarcnn.training.model_state import ModelState
from cifarcnn.training.optimizers import build_optimizer
from cifarcnn.training.weight_averaging import WeightAverages

# Numbers of an epoch, first step, and the step behind the last one, to the metrics.
Steps: TypeAlias = Callable[[Numbers, int, int], Mapping[str, Any]]


class TrainingModel(keras.Model):  # type: ignore[misc]
    """The network of a config as ``fit`` trains it; never saved itself.

    Input: ``{"index": int32 (b,)}`` or, of what is streamed, ``{"inputs": (b, ...)}``;
    and the draws of the augmentation by their names.
    Output shape: ``(b, classes)``, logits.
    """

    # Plain objects, none of which Keras takes for a part of the model.
    batch_mask: BatchMask | None = None
    """Which rows of a batch count, where the last one is filled up."""
    weight_averages: WeightAverages | None = None
    """Averages of the weights, where those are what is validated and saved."""
    planned_rate: float | PlannedRate
    state: ModelState

    def add_averages(self, averages: WeightAverages) -> None:
        """Have every step bring averages of the weights up to date."""
        self.weight_averages = averages
        # So that Keras knows them: on JAX the step is handed only what the model has.
        self.averages = averages.averages

    def train_step(self, *arguments: Any) -> Any:
        result = super().train_step(*arguments)
        averages = self.weight_averages
        if averages is None:
            return result
        if keras.config.backend() != "jax":
            averages.update(self.optimizer.iterations)
            return result
        logs, state = result
        groups = self._variables_of_a_step(training=True)
        values = [
            pair
            for group, held in zip(groups, state, strict=True)
            for pair in zip(group, held, strict=True)
        ]
        with keras.StatelessScope(state_mapping=values) as scope:
            averages.update(self.optimizer.iterations)
        return logs, tuple(
            [scope.get_current_value(variable) for variable in group]
            for group in groups
        )

    def make_steps(self, batches: Batches, *, training: bool) -> Steps:
        """What does a range of steps in one go.

        Args:
            batches: How a step reads its batch.
            training: Whether the steps learn, or only add to the metrics.

        Returns:
            A function of the numbers of a block, the first step, and the step behind
            the last one, counted in the block, that gives the metrics.
        """
        step = self.train_step if training else self.test_step
        mask = self.batch_mask

        def read(numbers: Numbers, number: Any) -> tuple[Any, ...]:
            return batches.read(numbers, number, mask)

        variables = partial(self._variables_of_a_step, training)
        steps = repeat_steps(self, read, step, variables, self.jit_compile)

        def run(numbers: Numbers, first: int, end: int) -> Mapping[str, Any]:
            try:
                return steps(numbers, first, end)
            finally:
                if mask is not None:
                    mask.whole = None

        return run

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        penalties = self.batch_mask.take_penalties() if self.batch_mask else []
        return loss + sum(penalties) / replica_count() if penalties else loss

    def _variables_of_a_step(self, training: bool) -> list[Sequence[Any]]:
        """In the groups in which Keras hands them to its steps on JAX."""
        weights = [self.trainable_variables, self.non_trainable_variables]
        optimizer = [self.optimizer.variables] if training else []
        return [*weights, *optimizer, self.metrics_variables]

    def read_weights(self) -> dict[str, np.ndarray]:
        """Copies of the weights to keep, as they are now: the averages, if any."""
        return self.state.read_weights()

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step.

        Args:
            step: Counted from 0 over the whole training, at most the current one.
        """
        rate = self.planned_rate
        value = rate(step) if callable(rate) else self.optimizer.learning_rate
        # Seven digits are what float32 holds; the rest would only look odd.
        return float(f"{float(to_numpy(value)):.7g}")


def connect_rows(
    network: keras.Model,
    rows: InputRows,
    augmentation: Augmentation | None = None,
    *,
    streamed: bool = False,
) -> TrainingModel:
    """A model from the numbers of rows to what a network makes of them.

    Args:
        network: From rows to logits; called ``logits``.
        rows: ``(n, ...)``: images, or features of them; copied to the device once.
        augmentation: What changes images in training, or ``None`` for nothing.
        streamed: Take the rows themselves in place of numbers; nothing is copied.
    """
    if streamed:
        taken = keras.Input(rows.shape[1:], dtype=rows.dtype.name, name="inputs")
        inputs = {"inputs": taken}
    else:
        index = keras.Input((), dtype="int32", name="index")
        inputs = {"index": index}
        taken = InputTable(rows)(index)
    if augmentation is not None:
        draws = augmentation.inputs()
        inputs |= draws
        taken = AugmentationLayer(augmentation)(taken, draws)
    if uses_replicas():
        # Only here, for pictures may be mixed with those of other replicas.
        taken = OwnRows()(taken)
    return TrainingModel(inputs, network(taken), name="training")


def compile_model(
    model: TrainingModel,
    config: Config,
    epochs: int,
    steps_per_epoch: int,
    *,
    network: keras.Model | None = None,
    scale_loss: bool = False,
    jit_compile: bool,
) -> None:
    """Give a model the loss, the metric and the optimizer of a config.

    Args:
        model: From :func:`connect_rows`.
        config: Its ``training``.
        epochs: That it is to learn.
        steps_per_epoch: Steps in one epoch.
        network: All that is to be saved; ``None``: what the model itself holds.
        scale_loss: Whether the gradients are too small for the numbers of the layers.
        jit_compile: Whether XLA compiles the steps.
    """
    settings = config.training
    model.planned_rate = learning_rate(
        settings.learning_rate_schedule,
        settings.optimizer.learning_rate,
        epochs,
        steps_per_epoch,
    )
    optimizer = build_optimizer(
        settings.optimizer,
        model.planned_rate,
        model.trainable_variables,
        settings.learning_rate_multipliers,
    )
    if scale_loss:
        # Keras wraps only where a global says so.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    if uses_replicas():
        add_up_gradients(optimizer)
    accuracy = Accuracy(model, model.batch_mask)
    model.compile(
        optimizer=optimizer,
        loss=crossentropy(settings.label_smoothing, model.output_shape[-1]),
        metrics=[accuracy],
        jit_compile=jit_compile,
    )
    _build_metrics(model)
    model.state = ModelState(model, network or model.get_layer("logits"), accuracy)


def _build_metrics(model: TrainingModel) -> None:
    """Give loss and metrics their variables, which a loop of steps cannot make."""
    labels = ops.zeros((1,), "int32")
    logits = ops.zeros((1, model.output_shape[-1]))

    def compute() -> None:
        model.compute_loss(None, labels, logits)
        model.compute_metrics(None, labels, logits)

    in_each_replica(compute)
    model.reset_metrics()
    if model.batch_mask is not None:
        count_images(model.metrics[0], model.batch_mask)
