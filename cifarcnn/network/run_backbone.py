"""The layers of a finished run as one layer of another network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras

from cifarcnn.config.layers import AnyLayer
from cifarcnn.config.layers.merging import Merging
from cifarcnn.config.layers.pretrained import Pretrained

Stack: TypeAlias = Callable[[Sequence[AnyLayer], Any], Any]


def build_run_backbone(
    layer: Pretrained,
    shape: tuple[int, ...],
    scale: Any,
    offset: Any,
    stack: Stack,
    kind: type[keras.Model],
) -> keras.Model:
    """A Keras model of the layers, from pixels 0 to 255 to maps or pooled features.

    Weights are called as in the run, behind the name of ``layer``:
    ``pretrained_1/conv2d_1/kernel``.

    Args:
        layer: With the layers of the run.
        shape: Of what reaches it: height, width, channels.
        scale: With ``offset``: its first layer sees ``scale * pixel + offset``.
        offset: Numbers for red, green and blue, or one for all.
        stack: Builds layers behind a symbolic tensor.
        kind: What to make of them.
    """
    with keras.name_scope(layer.name):
        images = keras.Input(shape)
        values = keras.layers.Rescaling(scale, offset, name="normalization")(images)
        features = stack(_layers_of(layer), values)
        if layer.pooling == "avg":
            features = keras.layers.GlobalAveragePooling2D(name="pooling")(features)
        elif layer.pooling == "max":
            features = keras.layers.GlobalMaxPooling2D(name="pooling")(features)
    model = kind(images, features, name=layer.name)
    model.trainable = layer.trainable
    return model


def _layers_of(layer: Pretrained) -> list[AnyLayer]:
    """Those of the run; what it froze itself is trained where all of it is."""
    layers = list(layer.layers or [])
    if not layer.trainable:
        return _without_penalties(layers)
    return [
        inner.model_copy(update={"trainable": True})
        if isinstance(inner, Pretrained)
        else inner
        for inner in layers
    ]


def _without_penalties(layers: Sequence[AnyLayer]) -> list[AnyLayer]:
    """The layers without penalties on outputs, which Keras adds of frozen ones too."""
    found: list[AnyLayer] = []
    for layer in layers:
        if isinstance(layer, Merging):
            branches = [
                _without_penalties(branch) for _, branch in layer.walk_branches()
            ]
            layer = layer.with_branches(branches)
        elif getattr(layer, "activity_regularizer", None) is not None:
            layer = layer.model_copy(update={"activity_regularizer": None})
        found.append(layer)
    return found
