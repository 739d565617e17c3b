"""The layers that a config can name: Keras's, with Keras's arguments.

Each class knows its arguments and the arithmetic of its shapes, parameters and
multiply-accumulates, without Keras.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, TypeAlias

from cifarcnn.config.layers.base import Layer
from cifarcnn.config.layers.convolution import CONVOLUTIONS
from cifarcnn.config.layers.dense import POINTWISE_LAYERS
from cifarcnn.config.layers.merging import MERGINGS, Merging
from cifarcnn.config.layers.nested_layers import Location, flatten_layers, walk_layers
from cifarcnn.config.layers.normalization import NORMALIZATIONS
from cifarcnn.config.layers.pooling import POOLINGS
from cifarcnn.config.layers.pretrained import Pretrained
from cifarcnn.config.named_choice import NamedChoice, snake_case

__all__ = [
    "LAYERS",
    "AnyLayer",
    "Location",
    "find_pretrained",
    "flatten_layers",
    "name_layers",
    "walk_layers",
]

LAYERS = NamedChoice(
    "layer",
    *CONVOLUTIONS,
    *POOLINGS,
    *POINTWISE_LAYERS,
    *NORMALIZATIONS,
    *MERGINGS,
    Pretrained,
)
AnyLayer: TypeAlias = Annotated[Layer, LAYERS]

for _merging in (*MERGINGS, Pretrained):
    _merging.model_rebuild(_types_namespace={"AnyLayer": AnyLayer})


def name_layers(layers: list[AnyLayer]) -> list[AnyLayer]:
    """The same layers, each with a name of its own.

    A layer without a name gets its type and a number, counted for each type from the
    first layer on, as in ``conv2d_1``; numbers that are taken are passed over. Names
    are the same in every process, so that weights can be found by them.
    """
    taken = {layer.name for layer in flatten_layers(layers)}
    counts: Counter[str] = Counter()

    def name(layer: Layer) -> Layer:
        update: dict[str, object] = {}
        if not layer.name:
            base = snake_case(layer.type)
            counts[base] += 1
            while f"{base}_{counts[base]}" in taken:
                counts[base] += 1
            update["name"] = f"{base}_{counts[base]}"
        layer = layer.model_copy(update=update)
        if isinstance(layer, Merging):
            branches = [branch for _, branch in layer.walk_branches()]
            layer = layer.with_branches([[*map(name, branch)] for branch in branches])
        return layer

    return [name(layer) for layer in layers]


def find_pretrained(layers: Sequence[Layer]) -> Pretrained | None:
    """The layer ``Pretrained`` of a network, of which there is one at most."""
    found = (layer for layer in flatten_layers(layers) if isinstance(layer, Pretrained))
    return next(found, None)
