"""The first convolution, activation and pooling, as they ran over an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from cifarcnn.config.layers.base import Shape, Window
from cifarcnn.explanation.activations import CUTTING, describe_function, sample_function
from cifarcnn.explanation.steps import (
    ACTIVATION,
    IN_PLACE,
    NO_CONVOLUTION,
    POOLINGS,
    Missing,
    Step,
    Steps,
    convolutions,
    find_activation,
)
from cifarcnn.explanation.tiles import (
    ConvolutionStep,
    FilterBank,
    PoolingStep,
    cut_window,
    find_cells,
)

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
_DEPTHWISE = (
    "A depthwise convolution: every filter looks at one channel only, so that nothing "
    "is added up across channels."
)
_SEPARABLE = (
    "A separable convolution works in two steps: a small filter for every channel by "
    "itself, then weighted sums of the results. Here both are put together as one "
    "filter, which gives the same sums."
)


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


def read_filters(steps: Steps, weights: Arrays) -> FilterBank | Missing:
    """The filters of the first convolution."""
    step = next(iter(convolutions(steps)), None)
    if step is None:
        return NO_CONVOLUTION
    shape = steps[step.inputs[0]].shape
    kernel, groups, note = _read_kernel(step, shape[2], weights)
    bias = weights.get(f"{step.name}/bias")
    return FilterBank(
        layer=step.name,
        type=step.kind,
        kernel=kernel,
        bias=np.zeros(step.shape[2], np.float32) if bias is None else bias,
        has_bias=bias is not None,
        window=_window(step, shape),
        groups=groups,
        input_shape=cast(tuple[int, int, int], shape),
        output_shape=cast(tuple[int, int, int], step.shape),
        note=note,
    )


def _read_kernel(
    step: Step, channels: int, weights: Arrays
) -> tuple[Array, int, str | None]:
    """The weights as ``(height, width, inputs, filters)``, the groups, a note."""
    if step.kind == "Conv2D":
        groups = int(getattr(step.layer, "groups", 1))
        note = None
        if groups > 1:
            note = (
                f"The channels are divided into {groups} groups: every filter looks at "
                "those of its own group only."
            )
        return weights[f"{step.name}/kernel"], groups, note
    if step.kind == "DepthwiseConv2D":
        # (height, width, channels, multiplier): the filters of a channel follow each
        # other in the result.
        kernel = weights[f"{step.name}/kernel"]
        return kernel.reshape(*kernel.shape[:2], 1, -1), channels, _DEPTHWISE
    spatial = weights[f"{step.name}/depthwise_kernel"]
    mixing = weights[f"{step.name}/pointwise_kernel"][0, 0]
    mixing = mixing.reshape(*spatial.shape[2:], -1)
    kernel = np.einsum("hwcm,cmf->hwcf", spatial, mixing).astype(np.float32)
    return kernel, 1, _SEPARABLE


def _window(step: Step, input_shape: Shape) -> Window:
    window = step.layer.window(input_shape) if step.layer else None
    if window is None:
        raise ValueError(f"{step.name} has no window")
    return window


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


def explain_activation(steps: Steps, values: Arrays) -> ActivationStep | Missing:
    """The first activation of maps after the first convolution."""
    step = next(iter(convolutions(steps)), None)
    if step is None:
        return NO_CONVOLUTION
    found = find_activation(steps, step, IN_PLACE | POOLINGS | {"Add"})
    found = found or _any_activation(steps, step)
    if found is None:
        return Missing("No activation follows the convolutions: they stay linear.")
    last, between = found
    before, after = values[last.inputs[0]], values[last.name]
    zeroed = None
    if last.activation in CUTTING:
        zeroed = float(((after == 0) & (before != 0)).mean())
    return ActivationStep(
        layer=last.owner,
        activation=last.activation,
        between=tuple(dict.fromkeys(step.owner for step in between)),
        before=before,
        after=after,
        order=strongest_first(after),
        zeroed_share=zeroed,
        note=describe_function(last.activation),
        curve=sample_function(last.activation),
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
    window = _window(step, steps[source].shape)
    is_maximum = step.kind == "MaxPooling2D"
    return PoolingStep(
        layer=step.name,
        type=step.kind,
        window=window,
        before=before,
        after=after,
        winners=_find_winners(window, before, after.shape) if is_maximum else None,
        order=strongest_first(before),
        share_left=after.size / before.size,
    )


def _find_winners(window: Window, before: Array, shape: tuple[int, ...]) -> Array:
    """Row and column of the first largest value of every window."""
    winners = np.empty((*shape, 2), np.int32)
    for row, column in np.ndindex(shape[:2]):
        seen, inside = cut_window(window, before, row, column)
        values = np.where(inside[:, :, None], seen, -np.inf).reshape(-1, shape[2])
        rows, columns = find_cells(window, row, column)
        first, second = np.divmod(values.argmax(axis=0), len(columns))
        winners[row, column] = np.stack([rows[first], columns[second]], axis=1)
    return winners


def strongest_first(maps: Array) -> Array:
    """Channels by the mean of their absolute values, the largest first."""
    return (-strength_of(maps)).argsort(kind="stable")


def strength_of(maps: Array) -> Array:
    """The mean of the absolute values of each channel, float32 ``(channels,)``."""
    strength: Array = np.abs(maps).mean(axis=(0, 1), dtype=np.float64)
    return strength.astype(np.float32)
