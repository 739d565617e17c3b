"""The filters of the first convolution: weights that every position shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from cifarcnn.config.layers.base import Window
from cifarcnn.explanation.receptive_field import window_of
from cifarcnn.explanation.steps import (
    Missing,
    Step,
    Steps,
    convolutions,
    no_convolution,
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
class FilterBank:
    """The filters of a convolution: weights that every position shares.

    Attributes:
        layer: Name of the layer.
        type: ``Conv2D``, ``DepthwiseConv2D`` or ``SeparableConv2D``.
        kernel: float32 ``(height, width, inputs, filters)``. A filter looks at
            ``inputs`` channels of what goes in: at all of them when ``groups`` is 1,
            else at those from :meth:`first_channel` on. Of a depthwise convolution
            ``inputs`` is 1; of a separable one both steps are put together as one
            filter, which gives the same sums.
        bias: float32 ``(filters,)``; zeros where the layer has none.
        has_bias: Whether the layer has biases.
        window: Size, strides, dilation, padding.
        groups: Into how many groups of channels the convolution is divided.
        input_shape: ``(height, width, channels)`` of what goes in.
        output_shape: ``(height, width, filters)``.
        note: What must be said about this kind of convolution; None for a plain one.
    """

    layer: str
    type: str
    kernel: Array
    bias: Array
    has_bias: bool
    window: Window
    groups: int
    input_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    note: str | None

    @property
    def count(self) -> int:
        """The number of filters."""
        return int(self.kernel.shape[3])

    def first_channel(self, filter: int) -> int:
        """The first channel that a filter looks at; the next ``inputs - 1`` follow."""
        group = filter // (self.count // self.groups)
        return group * int(self.kernel.shape[2])


def read_filters(steps: Steps, weights: Arrays) -> FilterBank | Missing:
    """The filters of the first convolution."""
    step = next(iter(convolutions(steps)), None)
    if step is None:
        return no_convolution(steps)
    shape = steps[step.inputs[0]].shape
    kernel, groups, note = _read_kernel(step, shape[2], weights)
    bias = weights.get(f"{step.name}/bias")
    return FilterBank(
        layer=step.name,
        type=step.kind,
        kernel=kernel,
        bias=np.zeros(step.shape[2], np.float32) if bias is None else bias,
        has_bias=bias is not None,
        window=cast(Window, window_of(step, shape)),
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
