"""The network as it is trained: the same weights by name, computed faster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import keras

from cifarcnn.config import Config
from cifarcnn.config.initializers import Whitening
from cifarcnn.config.layers import AnyLayer, flatten_layers
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.config.layers.dense import Dropout, GaussianNoise, SpatialDropout2D
from cifarcnn.config.layers.merging import Merging
from cifarcnn.config.layers.normalization import BatchNormalization
from cifarcnn.config.layers.pooling import MaxPooling2D
from cifarcnn.config.layers.pretrained import Pretrained
from cifarcnn.engine.distribution import uses_replicas
from cifarcnn.engine.tensorflow_only import (
    fused_gelu,
    has_fused_batch_norm,
    has_fused_gelu,
)
from cifarcnn.literals import Policy
from cifarcnn.network.batch_normalization import FusedBatchNormalization
from cifarcnn.network.builder import (
    Inside,
    Make,
    assemble,
    convert_arguments,
    convert_choice,
    convert_layer,
)
from cifarcnn.network.max_pooling import ComparedMaxPooling2D, has_separate_windows
from cifarcnn.network.pretrained import MakeKerasLayer, pretrained_network
from cifarcnn.network.resizing import find_matrix_layer
from cifarcnn.network.training_layers import (
    ActivatedMaxPooling2D,
    BatchMask,
    InferenceModel,
    MaskedRegularizer,
    SeparateBiasConv2D,
    draw_for_whole_batch,
)

# Those that draw for each row.
_DRAWING = (Dropout, SpatialDropout2D, GaussianNoise)
# They never fall, so that the largest of their results is the result of the largest.
# Gradients stay the same too: where different values give one result (below zero, or
# by rounding), the slope there is nothing, so that it does not matter which is chosen.
_NEVER_FALLING = frozenset({"relu", "relu6", "leaky_relu", "elu", "selu", "softplus"})


def build_training_network(
    config: Config,
    class_count: int,
    precision: Policy = "float32",
    batch_mask: BatchMask | None = None,
    *,
    compiled: bool = False,
    apart: int = 1,
) -> keras.Model:
    """The network of :func:`cifarcnn.network.builder.build_model`, for training only.

    Its weights have the same names, shapes and element types (float32), and start at
    random: write those of the other into it. What differs from the other:

    - Batch normalization is one operation, where the backend has it, and so is GELU.
    - The bias of a convolution is added in a way that is cheaper to learn.
    - Between a convolution and a max pooling the activation changes its place with the
      pooling, when it never falls: the maximum stays the same, and there is a quarter
      of the values to compute (for 2x2 windows).
    - Where XLA compiles the steps, the gradient of a max pooling of separate windows is
      found by comparison.
    - On TensorFlow maps are resized by matrices, which XLA does rightly.
    - With a precision of 16 bits the layers compute in it, from the first one up to
      the last that has weights; that one and those after it stay in float32, and so do
      the statistics, scales and shifts of the normalizations.
    - Filters whose whitening is not to be trained are frozen.

    Args:
        config: As for ``build_model``.
        class_count: Number of classes.
        precision: Keras's name of a dtype policy.
        batch_mask: Which rows of a batch count, where some do not: in the statistics of
            normalizations and in penalties on outputs.
        compiled: Whether XLA compiles the steps.
        apart: How many devices normalize each its own rows of a batch.

    Raises:
        UsageError: As for ``build_model``.
    """
    layers = config.model.layers

    def make_of(layers: Sequence[AnyLayer], exact: Collection[str] = ()) -> Make:
        late = activations_after_pooling(layers)

        def make(layer: AnyLayer) -> Any:
            policy = "float32" if layer.name in exact else precision
            activation = late.get(layer.name)
            return _make_layer(layer, policy, activation, batch_mask, compiled, apart)

        return make

    make = make_of(layers, _float32_layers(layers))
    model = assemble(config, class_count, make, Inside(make_of, InferenceModel))
    for layer in flatten_layers(layers):
        initializer = getattr(layer, "kernel_initializer", None)
        if isinstance(initializer, Whitening) and not initializer.trainable:
            # The bias learns on, so that the layer as a whole cannot be frozen.
            model.get_layer(layer.name).kernel.trainable = False
    return model


def _make_layer(
    layer: AnyLayer,
    policy: Policy,
    late_activation: str | None,
    batch_mask: BatchMask | None,
    compiled: bool,
    apart: int,
) -> Any:
    """One layer of Keras, or the faster one in its place.

    Args:
        layer: Of the config.
        policy: Keras's name of its dtype policy.
        late_activation: What a pooling applies, and the convolution before it leaves.
        batch_mask: As for :func:`build_training_network`.
        compiled: As for it, and so is ``apart``.
    """
    if isinstance(layer, Pretrained):
        within = _make_within(policy, batch_mask)
        frozen = keras.Model if layer.trainable else InferenceModel
        return pretrained_network(layer, within, frozen)
    kind: Any = None
    arguments: dict[str, Any] = {"dtype": policy}
    if isinstance(layer, MaxPooling2D):
        arguments["activation"] = late_activation or "linear"
        kind = ActivatedMaxPooling2D
        if compiled and has_separate_windows(layer):
            kind = ComparedMaxPooling2D
    elif resizing := find_matrix_layer(layer):
        kind = resizing
    elif late_activation is not None:
        arguments["activation"] = "linear"
    elif getattr(layer, "activation", "") == "gelu" and has_fused_gelu():
        arguments["activation"] = fused_gelu
    penalty = getattr(layer, "activity_regularizer", None)
    if penalty is not None and batch_mask is not None:
        penalty = convert_choice(keras.regularizers, penalty)
        arguments["activity_regularizer"] = MaskedRegularizer(penalty, batch_mask)
    if isinstance(layer, BatchNormalization) and (
        has_fused_batch_norm() or batch_mask is not None
    ):
        kind = FusedBatchNormalization
        arguments |= {"batch_mask": batch_mask, "apart": apart}
    elif isinstance(layer, _DRAWING) and uses_replicas():
        kind = draw_for_whole_batch(getattr(keras.layers, layer.type))
    elif isinstance(layer, Conv2D) and policy == "float32":
        # In 16 bits the plain sum of the bias's gradient would be less exact.
        kind = SeparateBiasConv2D
    if kind is None:
        return convert_layer(layer, **arguments)
    return kind(**{**convert_arguments(layer.arguments()), **arguments})


def _make_within(policy: Policy, batch_mask: BatchMask | None) -> MakeKerasLayer:
    """Makes the layers of a network that was trained before.

    The first of them, which prepare the pictures, stay in float32.
    """

    def make(kind: Any, arguments: dict[str, Any]) -> Any:
        if kind not in (keras.layers.Rescaling, keras.layers.Normalization):
            arguments = {**arguments, "dtype": policy}
        if kind is keras.layers.BatchNormalization and (
            has_fused_batch_norm() or batch_mask is not None
        ):
            kind = FusedBatchNormalization
            arguments = {**arguments, "batch_mask": batch_mask}
        return kind.from_config(arguments)

    return make


def activations_after_pooling(layers: Sequence[AnyLayer]) -> Mapping[str, str]:
    """The activations that can be computed behind a max pooling.

    Args:
        layers: As in a config, with their branches.

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
        if isinstance(layer, Merging):
            for _, branch in layer.walk_branches():
                found |= activations_after_pooling(branch)
    return found


def _float32_layers(layers: Sequence[AnyLayer]) -> frozenset[str]:
    """Names of the layers from the last one with weights on, which stay in float32."""
    exact: set[str] = set()
    for layer in reversed(layers):
        inside = list(flatten_layers([layer]))
        exact.update(inner.name for inner in inside)
        if any(inner.weight_names() for inner in inside):
            break
    return frozenset(exact)
