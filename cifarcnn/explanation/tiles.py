"""Windows that slide over maps: the numbers of a convolution and of a pooling.

A window at ``(row, column)`` of the result begins at ``row * strides[0] - top`` and
``column * strides[1] - left`` of what goes in, where the padding is ``((top, bottom),
(left, right))``; its values lie ``dilation`` apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarcnn.config.layers.base import Pair, Window

Array = np.ndarray[Any, Any]


def find_cells(window: Window, row: int, column: int) -> tuple[Array, Array]:
    """The rows and columns that a window looks at: int, outside within the padding.

    Args:
        window: How it moves.
        row: Of the result, from 0.
        column: Of the result, from 0.
    """
    (top, _), (left, _) = window.padding
    down, across = (
        step * np.arange(size)
        for step, size in zip(window.dilation, window.size, strict=True)
    )
    return row * window.strides[0] - top + down, column * window.strides[
        1
    ] - left + across


def cut_window(
    window: Window, maps: Array, row: int, column: int
) -> tuple[Array, Array]:
    """The part of ``maps`` that a window looks at.

    Returns:
        Values ``(height, width, ...)``, any within the padding, and bool
        ``(height, width)``: False within the padding.
    """
    rows, columns = find_cells(window, row, column)
    height, width = maps.shape[:2]
    inside = np.logical_and.outer(
        (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    )
    places = np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))
    return maps[places], inside


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
        seen, inside = cut_window(bank.window, self.input[:, :, channels], row, column)
        rows, columns = find_cells(bank.window, row, column)
        values = np.where(inside[:, :, None], seen, np.float32(0))
        weights = bank.kernel[:, :, :, filter]
        products = values * weights
        return ConvolutionTile(
            top=int(rows[0]),
            left=int(columns[0]),
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
        seen, inside = cut_window(self.window, self.before[:, :, channel], row, column)
        rows, columns = find_cells(self.window, row, column)
        winner = None
        if self.winners is not None:
            at = self.winners[row, column, channel]
            winner = int(at[0] - rows[0]), int(at[1] - columns[0])
        return PoolingTile(
            top=int(rows[0]),
            left=int(columns[0]),
            values=np.where(inside, seen, np.float32(np.nan)),
            value=float(self.after[row, column, channel]),
            winner=winner,
        )
