"""What each part of a config allows, but the parts together do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from cifarcnn.config.initializers import Identity, Whitening
from cifarcnn.config.layers import (
    Location,
    find_pretrained,
    flatten_layers,
    walk_layers,
)
from cifarcnn.config.layers.base import Layer
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.config.layers.pretrained import Pretrained
from cifarcnn.config.optimizers import matches
from cifarcnn.config.schema import Config
from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_tree import quote


@dataclass(frozen=True)
class LocatedProblem:
    """A problem at a location within the config; its line is found later.

    Attributes:
        location: The way to the value, with the names of layers and choices.
        message: What was found and expected.
        hint: The way out.
    """

    location: Location
    message: str
    hint: str


def find_problems(config: Config) -> Iterator[LocatedProblem]:
    """Names, activations, start values and patterns that do not fit the network."""
    yield from _check_names(config)
    yield from _check_activations(config)
    first = config.model.layers[0]
    for location, layer in walk_layers(config.model.layers):
        if isinstance(layer, Conv2D):
            here = (*location, layer.type, "kernel_initializer")
            channels = config.image_shape[2]
            yield from _check_initializer(layer, here, layer is first, channels)
    yield from _check_pretrained(config)
    yield from _check_patterns(config)
    yield from _check_fine_tuning(config)
    yield from _check_devices(config)


def _check_pretrained(config: Config) -> Iterator[LocatedProblem]:
    """A network trained before sees what it was trained with, and something learns."""
    before = [layer.type for layer in config.model.layers]
    learning = [layer for layer in _learning_layers(config) if layer.weight_names()]
    for location, layer in walk_layers(config.model.layers):
        if not isinstance(layer, Pretrained):
            continue
        _, _, index, *inside = location
        changing = [kind for kind in before[: int(index)] if kind != "Resizing"]
        if inside or changing:
            what = "in a branch" if inside else f"behind {changing[-1]}"
            yield LocatedProblem(
                location,
                f"Pretrained takes pictures as they are, but stands {what}",
                "make it the first layer; only Resizing may come before it",
            )
        elif not learning:
            yield LocatedProblem(
                location,
                "nothing learns: Pretrained is frozen, and no other layer has weights",
                "put a Dense behind it, or use trainable: true",
            )


def _learning_layers(config: Config, *, tuned: bool = False) -> Iterator[Layer]:
    """All layers but those that are frozen; these too where they are fine-tuned."""
    for layer in flatten_layers(config.model.layers):
        if not isinstance(layer, Pretrained) or layer.trainable or tuned:
            yield layer


def _check_names(config: Config) -> Iterator[LocatedProblem]:
    locations: dict[str, list[Location]] = {}
    for location, layer in walk_layers(config.model.layers):
        locations.setdefault(layer.name, []).append(location)
    for name, found in locations.items():
        if len(found) > 1:
            yield LocatedProblem(
                found[-1],
                f"{len(found)} layers are called '{name}'; a name must be unique",
                "leave the names out: layers are numbered by themselves",
            )


def _check_activations(config: Config) -> Iterator[LocatedProblem]:
    """Softmax may stand at the end only, where the program itself puts it."""
    for location, layer in walk_layers(config.model.layers):
        activation = getattr(layer, "activation", "linear")
        at_end = layer is config.model.layers[-1]
        here = (*location, layer.type, "activation")
        if activation == "softmax" and not at_end:
            yield LocatedProblem(
                here,
                "softmax may stand in the last layer only; in the middle it would "
                "squeeze the signal to nothing",
                "use relu, say",
            )
        elif at_end and activation not in ("softmax", "linear"):
            yield LocatedProblem(
                here,
                f"the last layer gives one number for each class; {activation} "
                "would spoil them before the softmax",
                "use activation: softmax, or none: the softmax is then added",
            )


def _check_initializer(
    layer: Conv2D, here: Location, is_first: bool, channels: int
) -> Iterator[LocatedProblem]:
    initializer = layer.kernel_initializer
    if not isinstance(initializer, Identity | Whitening):
        return
    if layer.groups > 1:
        yield LocatedProblem(
            here,
            f"{initializer.type} needs filters that look at all channels, but the "
            f"layer has {layer.groups} groups",
            "use groups: 1, or another initializer",
        )
    if not isinstance(initializer, Whitening):
        return
    if not is_first:
        yield LocatedProblem(
            here,
            "Whitening is worked out from the pictures, but the layer is not the first "
            "of the network and does not see them",
            "use Identity or HeNormal here",
        )
    elif max(layer.dilation_rate) > 1:
        yield LocatedProblem(
            here,
            "Whitening looks at windows without gaps, but the layer has a "
            f"dilation_rate of {max(layer.dilation_rate)}",
            "use dilation_rate: 1",
        )
    values = prod(layer.kernel_size) * channels
    if layer.filters < values:
        height, width = layer.kernel_size
        yield LocatedProblem(
            here,
            f"Whitening of {height}x{width} windows gives {values} filters and their "
            f"negatives, but the layer has {layer.filters} filters",
            f"use at least {values} filters, best {2 * values}",
        )


def _check_fine_tuning(config: Config) -> Iterator[LocatedProblem]:
    tuning, epochs = config.training.fine_tune, config.training.epochs
    if tuning is not None:
        here = ("training", "fine_tune")
        for key, message, hint in tuning.find_misfits(epochs, config.model.layers):
            yield LocatedProblem((*here, key) if key else here, message, hint)


def _check_devices(config: Config) -> Iterator[LocatedProblem]:
    """What several devices, also those of several hosts, cannot do."""
    settings, here = config.training, ("training", "devices")
    devices = settings.devices
    if devices == 1:
        return
    if settings.backend == "tensorflow" and settings.jit_compile is True:
        yield LocatedProblem(
            ("training", "jit_compile"),
            "on TensorFlow XLA cannot compile steps that several devices do together",
            "leave jit_compile out, or set backend to jax",
        )
    if devices != "all" and (rest := settings.batch_size % devices):
        yield LocatedProblem(
            ("training", "batch_size"),
            f"a batch of {settings.batch_size} pictures cannot be divided among "
            f"{devices} devices",
            f"use {max(settings.batch_size - rest, devices)}, say",
        )
    if settings.deterministic:
        yield LocatedProblem(
            here,
            f"devices is {devices}, but training.deterministic was never tried on "
            "several",
            "leave devices or training.deterministic out",
        )


def find_untried_on_hosts(config: Config) -> list[str]:
    """What is not known to come to the same on several hosts as on one."""
    pretrained = find_pretrained(config.model.layers) is not None
    asked = {
        "training.deterministic": config.training.deterministic,
        "Pretrained": pretrained,
    }
    return [name for name, is_asked in asked.items() if is_asked]


def _check_patterns(config: Config) -> Iterator[LocatedProblem]:
    tuned = config.training.fine_tune is not None
    learning = [*_learning_layers(config, tuned=tuned)]
    paths = [f"{item.name}/{name}" for item in learning for name in item.weight_names()]
    # Of these the layers within are known to Keras alone, which looks again.
    within = tuple(
        f"{layer.name}/"
        for layer in learning
        if isinstance(layer, Pretrained) and layer.application is not None
    )
    patterns: dict[Location, str] = {
        ("training", "learning_rate_multipliers", pattern): pattern
        for pattern in config.training.learning_rate_multipliers
    }
    optimizer = config.training.optimizer
    spared = ("training", "optimizer", optimizer.type, "exclude_from_weight_decay")
    for number, pattern in enumerate(optimizer.exclude_from_weight_decay):
        patterns[*spared, number] = pattern
    for here, pattern in patterns.items():
        if pattern.startswith(within) or any(matches(pattern, path) for path in paths):
            continue
        known = {path if "/" in pattern else path.rpartition("/")[2] for path in paths}
        yield LocatedProblem(
            here,
            f"no weight of the network is called {quote(pattern)}",
            suggest(pattern, known) if len(known) <= 20 else "",
        )
