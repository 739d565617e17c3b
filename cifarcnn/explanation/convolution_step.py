"""The first convolution, activation and pooling, as they ran over an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from cifarcnn.config.layers.base import Window
from cifarcnn.explanation.activations import CUTTING, describe_function, sample_function
from cifarcnn.explanation.filters import Arrays, FilterBank
from cifarcnn.explanation.receptive_field import window_of
from cifarcnn.explanation.steps import (
    ACTIVATION,
    IN_PLACE,
    JOINING,
    POOLINGS,
    Missing,
    Step,
    Steps,
    convolutions,
    find_activation,
    no_convolution,
)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class ConvolutionStep:
    """The first convolution of the network, as it ran over the image.

    Attributes:
        filters: Its weights and how they move.
        input: float32 ``filters.input_shape``: what reached it; of a first layer the
            normalized image.
        before: float32 ``filters.output_shape``: sums plus biases, before the layer's
            own activation.
        activation: Name of the layer's own activation; ``linear`` for none.
        after: float32, of the same shape: what the layer hands on. Equal to ``before``
            when the activation is ``linear``.
        order: int ``(filters,)``, the filters from the strongest map on (mean of the
            absolute values of ``after``).
    """

    filters: FilterBank
    input: Array
    before: Array
    activation: str
    after: Array
    order: Array


@dataclass(frozen=True, eq=False)
class ActivationStep:
    """The first activation after the first convolution.

    Attributes:
        layer: The layer that it belongs to: the convolution itself, or one of its own.
        activation: Keras's name, such as ``relu``.
        between: Names of the layers between the convolution and it, such as a batch
            normalization.
        before: float32 ``(height, width, channels)``.
        after: float32, of the same shape.
        order: int ``(channels,)``, from the strongest map of ``after`` on (mean of the
            absolute values).
        zeroed_share: Of all values, the share that is 0 after but was not before, 0 to
            1; None for a function that does not cut values off.
        note: What the function does, in a sentence or two.
        curve: float32 ``(2, points)``: inputs from -4 to 4, and what the function makes
            of them.
    """

    layer: str
    activation: str
    between: tuple[str, ...]
    before: Array
    after: Array
    order: Array
    zeroed_share: float | None
    note: str
    curve: Array


@dataclass(frozen=True, eq=False)
class PoolingStep:
    """The first pooling of the network, as it ran over the image.

    Attributes:
        layer: Name of the layer.
        type: ``MaxPooling2D`` or ``AveragePooling2D``.
        window: Size, strides, padding. Padding is left out: no maximum is taken of it,
            and a mean is that of the values inside.
        before: float32 ``(height, width, channels)``.
        after: float32 ``(height, width, channels)``.
        order: int ``(channels,)``, the channels from the strongest map of ``before``
            on (mean of the absolute values).
        share_left: Values after, divided by values before: 0.25 for 2x2 windows.
    """

    layer: str
    type: str
    window: Window
    before: Array
    after: Array
    order: Array
    share_left: float


def explain_convolution(
    steps: Steps, filters: FilterBank | Missing, values: Arrays
) -> ConvolutionStep | Missing:
    """The first convolution.

    Args:
        steps: The network.
        filters: From :func:`read_filters`.
        values: The result of every step for the image, without the batch.
    """
    if isinstance(filters, Missing):
        return filters
    step = steps[filters.layer]
    before = values[step.name]
    own = steps.get(step.name + ACTIVATION)
    after = before if own is None else values[own.name]
    return ConvolutionStep(
        filters=filters,
        input=values[step.inputs[0]],
        before=before,
        activation="linear" if own is None else own.activation,
        after=after,
        order=strongest_first(after),
    )


def explain_activation(
    steps: Steps, weights: Arrays, values: Arrays
) -> ActivationStep | Missing:
    """The first activation of maps after the first convolution.

    Args:
        steps: The network.
        weights: Its arrays by name.
        values: The result of every step for the image, without the batch.
    """
    step = next(iter(convolutions(steps)), None)
    if step is None:
        return no_convolution(steps)
    found = find_activation(steps, step, IN_PLACE | POOLINGS | JOINING)
    found = found or _any_activation(steps, step)
    if found is None:
        return Missing("No activation follows the convolutions: they stay linear.")
    last, between = found
    before, after = values[last.inputs[0]], values[last.name]
    zeroed = None
    if last.activation in CUTTING:
        zeroed = float(((after == 0) & (before != 0)).mean())
    factor = float(np.mean(weights.get(f"{last.name}/alpha", 0.0)))
    return ActivationStep(
        layer=last.owner,
        activation=last.activation,
        between=tuple(dict.fromkeys(step.owner for step in between)),
        before=before,
        after=after,
        order=strongest_first(after),
        zeroed_share=zeroed,
        note=describe_function(last.activation),
        curve=sample_function(last.activation, factor),
    )


def _any_activation(steps: Steps, start: Step) -> tuple[Step, tuple[Step, ...]] | None:
    """The next activation in the order of the config, where the way divides."""
    names = list(steps)
    later = [steps[name] for name in names[names.index(start.name) + 1 :]]
    for place, step in enumerate(later):
        if step.activation != "linear" and step.is_map:
            return step, tuple(later[:place])
    return None


def explain_pooling(steps: Steps, values: Arrays) -> PoolingStep | Missing:
    """The first pooling."""
    step = next((step for step in steps.values() if step.kind in POOLINGS), None)
    if step is None:
        return Missing(
            "The network has no pooling layer that slides a window over its maps."
        )
    source = step.inputs[0]
    before, after = values[source], values[step.name]
    return PoolingStep(
        layer=step.name,
        type=step.kind,
        window=cast(Window, window_of(step, steps[source].shape)),
        before=before,
        after=after,
        order=strongest_first(before),
        share_left=after.size / before.size,
    )


def strongest_first(maps: Array) -> Array:
    """Channels by the mean of their absolute values, the largest first."""
    return (-strength_of(maps)).argsort(kind="stable")


def strength_of(maps: Array) -> Array:
    """The mean of the absolute values of each channel, float32 ``(channels,)``."""
    strength: Array = np.abs(maps).mean(axis=(0, 1), dtype=np.float64)
    return strength.astype(np.float32)
