"""The network of a training: as it is saved, and as each of its fits trains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from cifarcnn.config import Config
from cifarcnn.config.layers import find_pretrained
from cifarcnn.config.optimizers import matches
from cifarcnn.config.spelling import did_you_mean
from cifarcnn.config.yaml_tree import quote
from cifarcnn.engine import Device
from cifarcnn.engine.backend import set_random_seed
from cifarcnn.engine.distribution import on_one_device
from cifarcnn.errors import UsageError
from cifarcnn.literals import Policy
from cifarcnn.network.builder import build_model, logits_model, normalization
from cifarcnn.network.initialization import set_whitening
from cifarcnn.network.training_layers import BatchMask
from cifarcnn.network.training_network import build_training_network
from cifarcnn.network.weights import read_weights, write_weights
from cifarcnn.training.compilation import uses_xla
from cifarcnn.training.fits import Fit
from cifarcnn.training.training_data import TrainingData
from cifarcnn.training.training_model import TrainingModel, compile_model
from cifarcnn.training.weight_averaging import WeightAverages, averaging_rule


@dataclass(frozen=True)
class Networks:
    """One network in two forms, whose weights have the same names.

    Attributes:
        config: Of the training.
        stock: Of stock layers: what is saved. It does not learn itself.
        trained: What learns in its place, up to the probabilities.
        logits: The same without the softmax.
        batch_mask: Which rows of a batch count, where all batches have one size.
        compiled: Whether XLA compiles the steps.
        precision: What the layers compute in.
    """

    config: Config
    stock: keras.Model
    trained: keras.Model
    logits: keras.Model
    batch_mask: BatchMask | None
    compiled: bool
    precision: Policy

    def compile(
        self, model: TrainingModel, fit: Fit, steps_per_epoch: int
    ) -> TrainingModel:
        """Make a model that holds the network, or the end of it, ready for a fit.

        Averages begin with the weights as they are now.
        """
        model.batch_mask = self.batch_mask
        averaging = self.config.training.averaging
        if averaging is not None:
            rule = averaging_rule(averaging, fit.length * steps_per_epoch)
            model.add_averages(WeightAverages(self.moving_weights(), rule))
        compile_model(
            model,
            fit.config,
            fit.length,
            steps_per_epoch,
            network=self.logits,
            scale_loss=self.precision == "mixed_float16",
            jit_compile=self.compiled,
        )
        return model

    def unfreeze(self, count: int | None) -> None:
        """Have the last layers of a frozen backbone learn.

        Args:
            count: How many, which the config has checked; ``None`` for all.
        """
        backbone = self._frozen_backbone()
        if backbone is not None:
            layers = backbone.layers
            backbone.trainable = True
            for layer in layers[: len(layers) - (count or len(layers))]:
                layer.trainable = False

    def _frozen_backbone(self) -> Any:
        """The Keras model of the backbone that the config freezes, if it has one."""
        layer = find_pretrained(self.config.model.layers)
        if layer is None or layer.trainable:
            return None
        return self.trained.get_layer(layer.name)

    def moving_weights(self) -> list[Any]:
        """All weights but those that stay: an average would round them."""
        backbone = self._frozen_backbone()
        # Statistics of batch normalizations too, whether it is fine-tuned or not.
        weights = [] if backbone is None else backbone.weights
        fixed = {id(weight) for weight in weights if not weight.trainable}
        return [item for item in self.trained.weights if id(item) not in fixed]


def build_networks(
    config: Config, data: TrainingData, device: Device, precision: Policy
) -> Networks:
    """Build and start what is to be trained. Sets Keras's global seed.

    Args:
        config: With ``data.normalization`` resolved.
        data: The images.
        device: What Keras was started on.
        precision: What the layers compute in.

    Raises:
        UsageError: ``training`` has a pattern that means no weight.
    """
    settings = config.training
    set_random_seed(settings.seed)
    with on_one_device():
        stock = build_model(config, data.class_count)
        numbers = normalization(config)
        set_whitening(stock, config.model.layers, data.split.images, *numbers)
    compiled = uses_xla(settings.jit_compile, device, settings.deterministic)
    # Without XLA a smaller batch costs nothing, and masking does. But several devices
    # could not always divide it.
    mask = BatchMask() if compiled or device.count > 1 else None
    trained = build_training_network(
        config,
        data.class_count,
        precision,
        mask,
        compiled=compiled,
        apart=1 if settings.synchronized_batch_normalization else device.count,
    )
    _require_patterns(config, [weight.path for weight in trained.weights])
    write_weights(trained, read_weights(stock))
    logits = logits_model(trained)
    return Networks(config, stock, trained, logits, mask, compiled, precision)


def _require_patterns(config: Config, paths: Sequence[str]) -> None:
    """See that patterns mean something, also within an application of Keras.

    Raises:
        UsageError: One means no weight.
    """
    settings = config.training
    spared = settings.optimizer.exclude_from_weight_decay
    for pattern in (*settings.learning_rate_multipliers, *spared):
        if not any(matches(pattern, path) for path in paths):
            hint = did_you_mean(pattern, paths)
            raise UsageError(
                f"No weight of the network is called {quote(pattern)}"
                + (f"; {hint}" if hint else ".")
            )
