"""Max pooling before the activation of the convolution in front of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from cifarcnn.config.layers import AnyLayer, Residual
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.config.layers.pooling import MaxPooling2D
from cifarcnn.network.keras_objects import convert_arguments

# They never fall, so that the largest of their results is the result of the largest.
# Gradients stay the same too: where different values give one result (below zero, or
# by rounding), the slope there is nothing, so that it does not matter which is chosen.
_NEVER_FALLING = frozenset({"relu", "relu6", "leaky_relu", "elu", "selu", "softplus"})


def activations_after_pooling(layers: Sequence[AnyLayer]) -> Mapping[str, str]:
    """The activations that can be computed behind a max pooling.

    Args:
        layers: As in a config, residual blocks included.

    Returns:
        The Keras name of the activation, both under the name of its convolution and
        under that of the pooling which directly follows.
    """
    found: dict[str, str] = {}
    for layer, following in pairwise(layers):
        if (
            isinstance(layer, Conv2D)
            and isinstance(following, MaxPooling2D)
            and layer.activation in _NEVER_FALLING
            # It is taken of what comes out of the convolution's own activation.
            and layer.activity_regularizer is None
        ):
            found |= dict.fromkeys((layer.name, following.name), layer.activation)
    for layer in layers:
        if isinstance(layer, Residual):
            found |= activations_after_pooling(layer.layers)
            found |= activations_after_pooling(layer.shortcut)
    return found


def activated_pooling(layer: MaxPooling2D, activation: str, dtype: str) -> Any:
    """A Keras layer that pools and then applies an activation.

    Args:
        layer: The arguments of the pooling.
        activation: Keras's name.
        dtype: Keras's name of a dtype policy.
    """
    import keras

    function = keras.activations.get(activation)

    class ActivatedMaxPooling2D(keras.layers.MaxPooling2D):  # type: ignore[misc]
        """Max pooling, then the activation, of ``(b, height, width, channels)``."""

        def call(self, inputs: Any) -> Any:
            return function(super().call(inputs))

    return ActivatedMaxPooling2D(**convert_arguments(layer.arguments()), dtype=dtype)
