"""The layers of a list, and of the branches in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from cifarcnn.config.layers.base import Layer
from cifarcnn.config.layers.merging import Merging

# The way to a value of the config: keys, numbers of items, names of choices.
Location: TypeAlias = tuple[str | int, ...]


def walk_layers(
    layers: Sequence[Layer], start: Location = ("model", "layers")
) -> Iterator[tuple[Location, Layer]]:
    """All layers, each before those of its branches, with their locations."""
    for index, layer in enumerate(layers):
        here = (*start, index)
        yield here, layer
        if isinstance(layer, Merging):
            for way, branch in layer.walk_branches():
                yield from walk_layers(branch, (*here, layer.type, *way))


def flatten_layers(layers: Sequence[Layer]) -> list[Layer]:
    """All layers, each before those of its branches, in the order of the file."""
    return [layer for _, layer in walk_layers(layers)]
