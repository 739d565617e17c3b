"""The model that ``fit`` trains, made from the network of a config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.network import (
    build_fast_twin,
    build_model,
    normalization,
    read_weights,
    set_whitening,
    write_weights,
)
from cifarcnn.training.averages import (
    Averages,
    as_swap_callback,
    rule_of,
    with_averages,
)
from cifarcnn.training.objective import accuracy, crossentropy
from cifarcnn.training.pictures import training_model
from cifarcnn.training.preparation import build_optimizer, steps_per_execution
from cifarcnn.training.state import TrainingState

if TYPE_CHECKING:
    import keras

    from cifarcnn.config import Config
    from cifarcnn.engine import Device
    from cifarcnn.engine.precision import Policy
    from cifarcnn.training.keeper import Arrays
    from cifarcnn.training.material import Material


@dataclass(frozen=True)
class Pupil:
    """A compiled model that learns, and the way back from it to the network.

    Attributes:
        network: The network of the config, of stock layers; it does not learn itself.
        model: What ``fit`` trains, from indices of pictures to logits.
        read_kept: Gives copies of the weights to keep, as they are now.
        rate_at: The learning rate of a step, counted over the whole training.
        callbacks: Keras callbacks that must see each step before any other.
        state: All numbers of the model that change while it learns.
        settle: Puts weights that were exchanged for their averages back in their place.
    """

    network: keras.Model
    model: keras.Model
    read_kept: Callable[[], Arrays]
    rate_at: Callable[[int], float]
    callbacks: tuple[Any, ...]
    state: TrainingState
    settle: Callable[[], None]

    def finished_network(self) -> keras.Model:
        """The network with the weights to keep, as they are now."""
        write_weights(self.network, self.read_kept())
        return self.network


def build_pupil(
    config: Config, material: Material, device: Device, precision: Policy, epochs: int
) -> Pupil:
    """Build, start and compile what is to be trained.

    Sets Keras's global seed. The pictures are copied to the device.

    Args:
        config: With ``data.normalization`` resolved.
        material: The pictures.
        device: What Keras was started on.
        precision: What its layers compute in.
        epochs: Of the whole training.
    """
    import keras

    settings = config.training
    class_count = material.class_count
    steps_per_epoch = material.batches.steps
    keras.utils.set_random_seed(settings.seed)
    network = build_model(config, class_count)
    set_whitening(
        network, config.model.layers, material.split.images, *normalization(config)
    )
    twin = build_fast_twin(config, class_count, precision)
    write_weights(twin, read_weights(network))
    model = training_model(twin, material.all_images(), material.augmentation)
    averages = None
    if settings.averaging is not None:
        rule = rule_of(settings.averaging, epochs * steps_per_epoch)
        averages = Averages(twin.weights, rule)
        model = with_averages(model, averages)
    optimizer, rate_at = build_optimizer(
        config, epochs, steps_per_epoch, model.trainable_variables
    )
    if precision == "mixed_float16":
        # Small gradients would be nothing; Keras wraps only where a global says so.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    metrics = [accuracy()]
    model.compile(
        optimizer=optimizer,
        loss=crossentropy(settings.label_smoothing, class_count),
        metrics=metrics,
        steps_per_execution=min(
            steps_per_execution(config, device.kind), steps_per_epoch
        ),
    )
    state = TrainingState(model, metrics)
    if averages is None:
        return Pupil(
            network, model, lambda: read_weights(twin), rate_at, (), state, lambda: None
        )
    swaps = (as_swap_callback(averages),)
    return Pupil(network, model, averages.read, rate_at, swaps, state, averages.settle)
