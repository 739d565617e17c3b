"""The network of a run with every intermediate value open to view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from cifarcnn.config import Config
from cifarcnn.config.layers import AnyLayer
from cifarcnn.config.layers.merging import Merging
from cifarcnn.explanation.steps import (
    Step,
    activation_name,
    has_activation,
    list_steps,
)
from cifarcnn.network.builder import PROBABILITIES, assemble, convert_layer
from cifarcnn.network.layer_output import layer_output
from cifarcnn.network.weights import read_weights, to_numpy, write_weights

Array = np.ndarray[Any, Any]


class LayerOutputModel:
    """The same layers with the same weights, every activation a layer of its own.

    Only so can be seen what goes into an activation that is written within a layer.
    The operations and their order are those of the network itself, which is put
    together by the same code, and so are the results.

    Attributes:
        steps: Its operations by name.
        weights: float32 arrays by name, such as ``conv2d_1/kernel``.
    """

    def __init__(self, model: keras.Model, config: Config) -> None:
        """Put the model together.

        Args:
            model: From ``cifarcnn.network.builder.build_model``, with its weights.
            config: What it was built from.
        """
        self.steps = list_steps(config)
        self.weights: Mapping[str, Array] = read_weights(model)
        self._model = assemble(config, model.output_shape[-1], _make_layers)
        write_weights(self._model, self.weights)

    @property
    def logits(self) -> Step:
        """The step that gives the logits."""
        return list(self.steps.values())[-1]

    def run(self, images: Array, names: Iterable[str]) -> dict[str, Array]:
        """The results of some steps.

        Args:
            images: uint8 ``(n, height, width, 3)``.
            names: Of steps; ``probabilities`` stands for the end.

        Returns:
            float32 ``(n, ...)`` by the name of the step.
        """
        results = self.outputs(names)(images, training=False)
        return {name: to_numpy(value) for name, value in results.items()}

    def outputs(self, names: Iterable[str]) -> keras.Model:
        """A model from images to the results of some steps, by name."""
        results = {name: layer_output(self._model, name) for name in names}
        return keras.Model(self._model.input, results)

    def from_step(self, name: str) -> keras.Model:
        """A model from the result of a step that everything passes to the logits."""
        start = layer_output(self._model, name)
        return keras.Model(start, self._model.get_layer(PROBABILITIES).input)

    @contextmanager
    def other_weights(self, arrays: Mapping[str, Array]) -> Iterator[None]:
        """With other weights for a while; those of the network come back after it."""
        try:
            write_weights(self._model, arrays)
            yield
        finally:
            write_weights(self._model, self.weights)


def _make_layers(layer: AnyLayer) -> Any:
    """The Keras layer, or the two that take its place."""
    if isinstance(layer, Merging):
        return convert_layer(layer)
    # The weights are set later: drawing them would take time and random numbers.
    zeros = {
        name: "zeros" for name in layer.arguments() if name.endswith("_initializer")
    }
    if not has_activation(layer):
        return convert_layer(layer, **zeros)
    first = convert_layer(layer, **zeros, activation="linear")
    function = getattr(layer, "activation", "linear")
    second = keras.layers.Activation(function, name=activation_name(layer))
    return lambda values: second(first(values))
