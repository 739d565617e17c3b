"""Windows that slide over maps: the numbers of a convolution and of a pooling.

A window at ``(row, column)`` of the result begins at ``row * strides[0] - top`` and
``column * strides[1] - left`` of what goes in, where ``((top, bottom), (left, right))``
is the padding; its values lie ``dilation`` apart. What lies outside is padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarcnn.config.layers import Shape
from cifarcnn.explanation.steps import (
    CONVOLUTIONS,
    IN_PLACE,
    POOLINGS,
    Step,
)

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A window and how it moves; every pair is height, then width.

    Attributes:
        size: How many values it looks at, such as ``(3, 3)``.
        strides: How far it moves at a time.
        dilation: Distance between the values that it looks at; 1 for neighbours.
        padding: ``((top, bottom), (left, right))``: rows and columns of padding.
    """

    size: Pair
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))

    def origin(self, row: int, column: int) -> Pair:
        """Row and column where the window begins; negative within the padding."""
        (top, _), (left, _) = self.padding
        return row * self.strides[0] - top, column * self.strides[1] - left

    def places(self, row: int, column: int) -> tuple[Array, Array]:
        """The rows and the columns that it looks at, padding included: int."""
        top, left = self.origin(row, column)
        rows = top + self.dilation[0] * np.arange(self.size[0])
        return rows, left + self.dilation[1] * np.arange(self.size[1])

    def cut(self, maps: Array, row: int, column: int) -> tuple[Array, Array]:
        """The part of ``maps`` that the window looks at.

        Returns:
            Values ``(height, width, ...)``, any within the padding, and bool
            ``(height, width)``: False within the padding.
        """
        rows, columns = self.places(row, column)
        height, width = maps.shape[:2]
        inside = np.logical_and.outer(
            (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
        )
        places = np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))
        return maps[places], inside


# A cell of the result sees the cell of the input in the same place.
_POINTWISE = IN_PLACE - {"GroupNormalization"} | {"Activation", "Dense"}


def window_of(step: Step, input_shape: Shape) -> Window:
    """Through which window a cell of the result sees what goes into a step.

    ``same`` padding is what TensorFlow's documentation of ``tf.nn.convolution`` says:
    as much as the last window needs, the odd row and column at the end.

    Args:
        step: One that gives maps, of one input.
        input_shape: ``(height, width, channels)`` of what goes in.

    Raises:
        NotImplementedError: No window is known of this kind of layer.
    """
    layer: Any = step.layer
    if step.kind in _POINTWISE:
        return Window((1, 1))
    if step.kind == "ZeroPadding2D":
        return Window((1, 1), padding=layer.padding)
    if step.kind not in CONVOLUTIONS | POOLINGS:
        raise NotImplementedError(f"no window is known of {step.kind}")
    size: Pair = layer.kernel_size if step.kind in CONVOLUTIONS else layer.pool_size
    strides: Pair = layer.strides or size
    dilation: Pair = getattr(layer, "dilation_rate", (1, 1))
    if layer.padding != "same":
        return Window(size, strides, dilation)
    padding = [
        max((after - 1) * stride + (length - 1) * apart + 1 - before, 0)
        for before, after, length, stride, apart in zip(
            input_shape[:2], step.shape[:2], size, strides, dilation, strict=True
        )
    ]
    top, left = (total // 2 for total in padding)
    borders = (top, padding[0] - top), (left, padding[1] - left)
    return Window(size, strides, dilation, borders)


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


@dataclass(frozen=True, eq=False)
class ConvolutionTile:
    """One filter at one position: ``sum(values * weights) + bias``.

    Attributes:
        top: Row of the input where the tile begins; negative within the padding.
        left: Column where it begins.
        values: float32 ``(height, width, inputs)``, 0 within the padding.
        weights: float32, of the same shape.
        products: float32, of the same shape: ``values * weights``.
        inside: bool ``(height, width)``; False within the padding.
        sum: The products added up.
        bias: The bias of the filter.
        value: What stands in the map, before any activation: ``sum + bias`` but for
            the rounding of float32.
    """

    top: int
    left: int
    values: Array
    weights: Array
    products: Array
    inside: Array
    sum: float
    bias: float
    value: float


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

    def tile(self, filter: int, row: int, column: int) -> ConvolutionTile:
        """The arithmetic behind ``before[row, column, filter]``.

        Args:
            filter: 0 to ``filters.count - 1``.
            row: Of the map, from 0.
            column: Of the map, from 0.
        """

        bank = self.filters
        first = bank.first_channel(filter)
        channels = slice(first, first + bank.kernel.shape[2])
        seen, inside = bank.window.cut(self.input[:, :, channels], row, column)
        values = np.where(inside[:, :, None], seen, np.float32(0))
        top, left = bank.window.origin(row, column)
        weights = bank.kernel[:, :, :, filter]
        products = values * weights
        return ConvolutionTile(
            top=top,
            left=left,
            values=values,
            weights=weights,
            products=products,
            inside=inside,
            sum=float(products.sum(dtype=np.float64)),
            bias=float(bank.bias[filter]),
            value=float(self.before[row, column, filter]),
        )


@dataclass(frozen=True, eq=False)
class PoolingTile:
    """One window of a pooling.

    Attributes:
        top: Row where it begins; negative within the padding, which is left out.
        left: Column where it begins.
        values: float32 ``(height, width)``; NaN within the padding.
        value: What is kept of them.
        winner: Row and column within ``values`` of the value that was kept, the first
            one when several are equal; None for a mean.
    """

    top: int
    left: int
    values: Array
    value: float
    winner: Pair | None


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
        winners: int ``(height, width, channels, 2)``, for each value of ``after`` the
            row and column in ``before`` that it came from (the first in reading order
            when several are equal); None for a mean.
        order: int ``(channels,)``, the channels from the strongest map of ``before``
            on (mean of the absolute values).
        share_left: Values after, divided by values before: 0.25 for 2x2 windows.
    """

    layer: str
    type: str
    window: Window
    before: Array
    after: Array
    winners: Array | None
    order: Array
    share_left: float

    def tile(self, channel: int, row: int, column: int) -> PoolingTile:
        """The window behind ``after[row, column, channel]``."""

        seen, inside = self.window.cut(self.before[:, :, channel], row, column)
        top, left = self.window.origin(row, column)
        winner = None
        if self.winners is not None:
            at = self.winners[row, column, channel]
            winner = int(at[0] - top), int(at[1] - left)
        return PoolingTile(
            top=top,
            left=left,
            values=np.where(inside, seen, np.float32(np.nan)),
            value=float(self.after[row, column, channel]),
            winner=winner,
        )
