"""The pooling of a network trained before as a layer of its own."""

from __future__ import annotations

from cifarcnn.config import Config
from cifarcnn.config.layers import AnyLayer
from cifarcnn.config.layers.pooling import GlobalAveragePooling2D, GlobalMaxPooling2D
from cifarcnn.config.layers.pretrained import Pretrained

_POOLINGS = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}


def with_pooling_apart(config: Config) -> Config:
    """The same network, in which the maps before such a pooling can be looked at."""
    layers: list[AnyLayer] = []
    for layer in config.model.layers:
        if isinstance(layer, Pretrained) and layer.pooling is not None:
            layers.append(layer.model_copy(update={"pooling": None}))
            pooling = _POOLINGS[layer.pooling]
            layers.append(pooling(name=f"{layer.name}_pooling"))
        else:
            layers.append(layer)
    model = config.model.model_copy(update={"layers": layers})
    return config.model_copy(update={"model": model})
