"""The model that ``fit`` trains: from indices of images to the logits of a network."""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from cifarcnn.config import Config, summarize
from cifarcnn.engine import Device
from cifarcnn.literals import Policy
from cifarcnn.network.builder import build_model, logits_model, normalization
from cifarcnn.network.initialization import set_whitening
from cifarcnn.network.training_network import build_training_network
from cifarcnn.network.weights import read_weights, to_numpy, write_weights
from cifarcnn.training.augmentation.pipeline import Augmentation, AugmentationLayer
from cifarcnn.training.input_pipeline import TrainingBatches, stack_images
from cifarcnn.training.learning_rate_schedules import PlannedRate, learning_rate
from cifarcnn.training.loss import crossentropy
from cifarcnn.training.metrics import Accuracy
from cifarcnn.training.model_state import ModelState
from cifarcnn.training.optimizers import build_optimizer
from cifarcnn.training.training_data import TrainingData
from cifarcnn.training.weight_averaging import WeightAverages, averaging_rule

# Arithmetic between two looks at the clock and at signals: about a quarter of a second
# on two cores, so that a network that is small beside Python's work does not wait
# for it after each step (a tenth faster at batch 32), and a large one stops at once.
# On a GPU it is a tenth of a second at 100 TFLOP a second; a slow one takes a second.
_OPERATIONS_PER_EXECUTION = {"cpu": 6e10, "gpu": 1e13}
_MOST_STEPS_PER_EXECUTION = 16


class ImageTable(keras.layers.Layer):  # type: ignore[misc]
    """Gathers rows of a table of images, so that only indices travel to the device.

    Input shape: int32 ``(b,)``. Output shape: uint8 ``(b, height, width, 3)``.
    """

    def __init__(self, images: np.ndarray) -> None:
        """Prepare the layer; uint8 ``(n, height, width, 3)`` go to the device once."""
        super().__init__(name="image_table")
        self.images = images

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight(
            shape=self.images.shape,
            dtype="uint8",
            initializer=lambda shape, dtype: ops.convert_to_tensor(self.images),
            trainable=False,
            name="table",
        )

    def call(self, index: Any) -> Any:
        return ops.take(self.table, index, axis=0)

    def compute_output_spec(self, index: Any) -> Any:
        return keras.KerasTensor((*index.shape, *self.images.shape[1:]), dtype="uint8")


class TrainingModel(keras.Model):  # type: ignore[misc]
    """The network of a config as ``fit`` trains it; never saved itself.

    Input: ``{"index": int32 (b,)}``, and the draws of the augmentation by their names.
    Output shape: ``(b, classes)``, logits.
    """

    # Plain objects, none of which Keras takes for a part of the model.
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
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
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

    def read_weights(self) -> dict[str, np.ndarray]:
        """Copies of the weights to keep, as they are now: the averages, if any."""
        if self.weight_averages is not None:
            return self.weight_averages.read()
        return read_weights(self.get_layer("logits"))

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step.

        Args:
            step: Counted from 0 over the whole training, at most the current one.
        """
        rate = self.planned_rate
        value = rate(step) if callable(rate) else self.optimizer.learning_rate
        # Seven digits are what float32 holds; the rest would only look odd.
        return float(f"{float(to_numpy(value)):.7g}")


def connect_images(
    network: keras.Model, images: np.ndarray, augmentation: Augmentation | None = None
) -> TrainingModel:
    """A model from indices of images to logits that shares the weights of a network.

    Args:
        network: From images to probabilities.
        images: uint8 ``(n, height, width, 3)``; copied to the device once.
        augmentation: What changes the images in training, or ``None`` for nothing.
    """
    index = keras.Input((), dtype="int32", name="index")
    inputs = {"index": index}
    images = ImageTable(images)(index)
    if augmentation is not None:
        draws = augmentation.inputs()
        inputs |= draws
        images = AugmentationLayer(augmentation)(images, draws)
    return TrainingModel(inputs, logits_model(network)(images), name="training")


def build_training_model(
    config: Config,
    data: TrainingData,
    batches: TrainingBatches,
    device: Device,
    precision: Policy,
    epochs: int,
) -> tuple[keras.Model, TrainingModel]:
    """Build, start and compile what is to be trained.

    Sets Keras's global seed. The images are copied to the device.

    Args:
        config: With ``data.normalization`` resolved.
        data: The images, which ``batches`` name.
        batches: Of every epoch.
        device: What Keras was started on.
        precision: What the layers compute in.
        epochs: Of the whole training.

    Returns:
        The network of the config, of stock layers, which does not learn itself; and
        what learns in its place, whose weights have the same names.
    """
    settings = config.training
    keras.utils.set_random_seed(settings.seed)
    network = build_model(config, data.class_count)
    set_whitening(
        network, config.model.layers, data.split.images, *normalization(config)
    )
    # Keras leaves TensorFlow's steps to TensorFlow where they are to be deterministic.
    compiled = device.backend == "jax" or (
        device.kind == "gpu" and not settings.deterministic
    )
    fast = build_training_network(
        config, data.class_count, precision, compiled=compiled
    )
    write_weights(fast, read_weights(network))
    model = connect_images(fast, stack_images(data), batches.augmentation)
    if settings.averaging is not None:
        rule = averaging_rule(settings.averaging, epochs * batches.steps_per_epoch)
        model.add_averages(WeightAverages(fast.weights, rule))
    compile_model(
        model,
        config,
        epochs,
        batches.steps_per_epoch,
        steps_per_execution(config, device.kind),
        scale_loss=precision == "mixed_float16",
    )
    return network, model


def compile_model(
    model: TrainingModel,
    config: Config,
    epochs: int,
    steps_per_epoch: int,
    steps_per_execution: int = 1,
    *,
    scale_loss: bool = False,
    jit_compile: bool | Literal["auto"] = "auto",
) -> None:
    """Give a model the loss, the metric and the optimizer of a config.

    Args:
        model: From :func:`connect_images`.
        config: Its ``training``.
        epochs: Of the whole training.
        steps_per_epoch: Steps in one epoch.
        steps_per_execution: As for Keras, and so is ``jit_compile``.
        scale_loss: Whether the gradients are too small for the numbers of the layers.
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
    accuracy = Accuracy(model)
    model.compile(
        optimizer=optimizer,
        loss=crossentropy(settings.label_smoothing, model.output_shape[-1]),
        metrics=[accuracy],
        steps_per_execution=min(steps_per_execution, steps_per_epoch),
        jit_compile=jit_compile,
    )
    model.state = ModelState(model, accuracy)


def steps_per_execution(config: Config, kind: Literal["cpu", "gpu"]) -> int:
    """How many steps run before Python has its turn: the config's number, if any.

    A step takes two operations for each multiply-accumulate of an image, once
    forward and about twice that backward.
    """
    if config.training.steps_per_execution is not None:
        return config.training.steps_per_execution
    operations = 6 * summarize(config).macs * config.training.batch_size
    steps = int(_OPERATIONS_PER_EXECUTION[kind] / max(operations, 1))
    return min(max(steps, 1), _MOST_STEPS_PER_EXECUTION)
