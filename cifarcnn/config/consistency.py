"""Start values and patterns that cannot mean what they were written for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from cifarcnn.config.initializers import Identity, Whitening
from cifarcnn.config.layers import AnyLayer, Residual, flatten_layers
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.config.named_choice import suggest
from cifarcnn.config.optimizers import matches
from cifarcnn.config.schema import Config
from cifarcnn.config.yaml_tree import quote

# Where in the config, what was found and expected, the way out.
Misuse = tuple[tuple[str | int, ...], str, str]
CHANNELS = 3


def find_misuse(config: Config) -> Iterator[Misuse]:
    """Everything about start values and patterns that does not fit the network."""
    layers = config.model.layers
    yield from _misused_starts(layers, ("model", "layers"), layers[0])
    training, optimizer = config.training, config.training.optimizer
    paths = [
        f"{layer.name}/{weight}"
        for layer in flatten_layers(layers)
        for weight in layer.weight_names()
    ]
    for pattern in training.learning_rate_multipliers:
        place = ("training", "learning_rate_multipliers", pattern)
        yield from _idle_pattern(pattern, paths, place)
    for number, pattern in enumerate(optimizer.exclude_from_weight_decay):
        place = ("training", "optimizer", optimizer.type)
        here = (*place, "exclude_from_weight_decay", number)
        yield from _idle_pattern(pattern, paths, here)


def _idle_pattern(
    pattern: str, paths: Sequence[str], place: tuple[str | int, ...]
) -> Iterator[Misuse]:
    if any(matches(pattern, path) for path in paths):
        return
    known = paths if "/" in pattern else {path.rpartition("/")[2] for path in paths}
    hint = suggest(pattern, known) if len(set(known)) <= 20 else ""
    yield place, f"no weight of the network is called {quote(pattern)}", hint


def _misused_starts(
    layers: Sequence[AnyLayer], place: tuple[str | int, ...], first: AnyLayer
) -> Iterator[Misuse]:
    for number, layer in enumerate(layers):
        here = (*place, number, layer.type)
        if isinstance(layer, Residual):
            yield from _misused_starts(layer.layers, (*here, "layers"), first)
            yield from _misused_starts(layer.shortcut, (*here, "shortcut"), first)
        elif isinstance(layer, Conv2D):
            yield from _misused_start(layer, (*here, "kernel_initializer"), first)


def _misused_start(
    layer: Conv2D, here: tuple[str | int, ...], first: AnyLayer
) -> Iterator[Misuse]:
    start = layer.kernel_initializer
    if not isinstance(start, Identity | Whitening):
        return
    if layer.groups > 1:
        yield (
            here,
            f"{start.type} needs filters that look at all channels, but the layer has "
            f"{layer.groups} groups",
            "use groups: 1, or another initializer",
        )
    if not isinstance(start, Whitening):
        return
    if layer is not first:
        yield (
            here,
            "Whitening is worked out from the pictures, but the layer is not the first "
            "of the network and does not see them",
            "use Identity or HeNormal here",
        )
    elif max(layer.dilation_rate) > 1:
        yield (
            here,
            "Whitening looks at windows without gaps, but the layer has a "
            f"dilation_rate of {max(layer.dilation_rate)}",
            "use dilation_rate: 1",
        )
    values = prod(layer.kernel_size) * CHANNELS
    if layer.filters < values:
        height, width = layer.kernel_size
        yield (
            here,
            f"Whitening of {height}x{width} windows gives {values} filters and their "
            f"negatives, but the layer has {layer.filters} filters",
            f"use at least {values} filters, best {2 * values}",
        )
