"""The model that ``fit`` trains, made from the network of a config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.network.builder import build_model, normalization
from cifarcnn.network.initialization import set_whitening
from cifarcnn.network.training_network import build_training_network
from cifarcnn.network.weights import read_weights, to_numpy, write_weights
from cifarcnn.training.image_table import training_model
from cifarcnn.training.loss import accuracy, crossentropy
from cifarcnn.training.preparation import build_optimizer, steps_per_execution
from cifarcnn.training.state import TrainingState
from cifarcnn.training.weight_averaging import (
    Averages,
    as_swap_callback,
    rule_of,
    with_averages,
)

if TYPE_CHECKING:
    import keras

    from cifarcnn.config import Config
    from cifarcnn.engine import Device
    from cifarcnn.engine.precision import Policy
    from cifarcnn.training.keeper import Arrays
    from cifarcnn.training.training_data import Material


@dataclass(frozen=True)
class Pupil:
    """A compiled model that learns, and the way back from it to the network.

    Attributes:
        network: The network of the config, of stock layers; it does not learn itself.
        twin: What learns in its place; the weights have the same names.
        model: What ``fit`` trains, from indices of images to logits.
        averages: Of the weights of ``twin``, where those are what is kept.
        correct: The metric ``accuracy``, which also counts the finite steps.
        state: All numbers of the model that change while it learns.
        rate_at: The learning rate of a step, counted over the whole training.
    """

    network: keras.Model
    twin: keras.Model
    model: keras.Model
    averages: Averages | None
    correct: Any
    state: TrainingState
    rate_at: Callable[[int], float]

    @property
    def callbacks(self) -> tuple[Any, ...]:
        """Keras callbacks that must see each step before any other."""
        return (as_swap_callback(self.averages),) if self.averages else ()

    def read_kept(self) -> Arrays:
        """Copies of the weights to keep, as they are now."""
        self._bring_up_to_date()
        return self.averages.read() if self.averages else read_weights(self.twin)

    def settle(self) -> None:
        """See that ``state`` is that of this moment, and holds no exchanged weights."""
        self._bring_up_to_date()
        if self.averages:
            self.averages.settle()

    def finite_steps(self) -> int:
        """The steps of the epoch up to the first whose loss was not finite."""
        self._bring_up_to_date()
        return int(to_numpy(self.correct.finite_steps))

    def finished_network(self) -> keras.Model:
        """The network with the weights to keep, as they are now."""
        write_weights(self.network, self.read_kept())
        return self.network

    def _bring_up_to_date(self) -> None:
        # On JAX the variables lag behind during an epoch.
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()


def build_pupil(
    config: Config, material: Material, device: Device, precision: Policy, epochs: int
) -> Pupil:
    """Build, start and compile what is to be trained.

    Sets Keras's global seed. The images are copied to the device.

    Args:
        config: With ``data.normalization`` resolved.
        material: The images.
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
    twin = build_training_network(config, class_count, precision)
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
    correct = accuracy(model)
    model.compile(
        optimizer=optimizer,
        loss=crossentropy(settings.label_smoothing, class_count),
        metrics=[correct],
        steps_per_execution=min(
            steps_per_execution(config, device.kind), steps_per_epoch
        ),
    )
    return Pupil(
        network=network,
        twin=twin,
        model=model,
        averages=averages,
        correct=correct,
        state=TrainingState(model, [correct]),
        rate_at=rate_at,
    )
