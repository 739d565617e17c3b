"""The network as it is trained: the same weights by name, computed faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cifarcnn.config.initializers import Whitening
from cifarcnn.config.layers import AnyLayer, Residual, flatten_layers
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.config.layers.normalization import BatchNormalization
from cifarcnn.config.layers.pooling import MaxPooling2D
from cifarcnn.engine import fused_gelu, has_fused_gelu
from cifarcnn.network.batch_normalization import fused_batch_normalization
from cifarcnn.network.builder import assemble
from cifarcnn.network.conv_bias import convolution_with_cheap_bias
from cifarcnn.network.keras_objects import convert_choice
from cifarcnn.network.pool_before_activation import (
    activated_pooling,
    activations_after_pooling,
)

if TYPE_CHECKING:
    import keras

    from cifarcnn.config import Config
    from cifarcnn.engine.precision import Policy


def build_fast_twin(
    config: Config, class_count: int, precision: Policy = "float32"
) -> keras.Model:
    """The network of :func:`cifarcnn.network.build_model`, for training only.

    Its weights have the same names, shapes and element types (float32), and start at
    random: write those of the other into it. What differs from the other:

    - Batch normalization is one operation, where the backend has it, and so is GELU.
    - The bias of a convolution is added in a way that is cheaper to learn.
    - Between a convolution and a max pooling the activation changes its place with the
      pooling, when it never falls: the maximum stays the same, and there is a quarter
      of the values to compute (for 2x2 windows).
    - With a precision of 16 bits the layers compute in it, from the first one up to
      the last that has weights; that one and those after it stay in float32, and so do
      the statistics, scales and shifts of the normalizations.
    - Filters whose whitening is not to be trained are frozen.

    Args:
        config: As for ``build_model``.
        class_count: Number of classes.
        precision: Keras's name of a dtype policy.
    """
    import keras

    layers = config.model.layers
    exact = _exact_layers(layers)
    late = activations_after_pooling(layers)

    def make(layer: AnyLayer) -> Any:
        policy = "float32" if layer.name in exact else precision
        if isinstance(layer, Residual):
            return keras.layers.Add(name=layer.name, dtype=policy)
        if isinstance(layer, BatchNormalization):
            return fused_batch_normalization(layer, policy)
        arguments: dict[str, Any] = {"dtype": policy}
        if isinstance(layer, MaxPooling2D) and layer.name in late:
            return activated_pooling(layer, late[layer.name], policy)
        if layer.name in late:
            arguments["activation"] = "linear"
        elif getattr(layer, "activation", "") == "gelu" and has_fused_gelu():
            arguments["activation"] = fused_gelu
        if isinstance(layer, Conv2D) and policy == "float32":
            # In 16 bits the plain sum of the bias's gradient would be less exact.
            return convolution_with_cheap_bias(layer, **arguments)
        return convert_choice(keras.layers, layer, **arguments)

    model = assemble(config, class_count, make)
    for layer in flatten_layers(layers):
        if isinstance(layer, Conv2D) and _is_frozen(layer):
            # The bias learns on, so that the layer as a whole cannot be frozen.
            model.get_layer(layer.name).kernel.trainable = False
    return model


def _exact_layers(layers: Sequence[AnyLayer]) -> frozenset[str]:
    """Names of the layers from the last one with weights on, which stay in float32."""
    exact: set[str] = set()
    for layer in reversed(layers):
        inside = list(flatten_layers([layer]))
        exact.update(inner.name for inner in inside)
        if any(inner.weight_names() for inner in inside):
            break
    return frozenset(exact)


def _is_frozen(layer: Conv2D) -> bool:
    start = layer.kernel_initializer
    return isinstance(start, Whitening) and not start.trainable
