"""The layers that make maps smaller or larger without weights."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from cifarcnn.config.layers.base import (
    Layer,
    Misfit,
    Padding,
    PositivePair,
    Shape,
    window,
)
from cifarcnn.config.named_choice import describe, mistake


class _Pooling(Layer):
    """A window that keeps one number of several."""

    shorthand = "pool_size"

    pool_size: PositivePair = (2, 2)
    """Height and width of the window."""
    strides: PositivePair | None = None
    """How far the window moves at a time; null: as far as it is large."""
    padding: Padding = "valid"
    """`valid` leaves out an incomplete window at the border; `same` keeps it."""

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = self.as_image(shape)
        strides = self.strides or self.pool_size
        try:
            sides = window(shape, self.pool_size, strides, self.padding)
        except ValueError as error:
            raise Misfit(
                str(error),
                "use fewer or smaller poolings, or padding: same in the convolutions "
                "before it",
                shape,
            ) from None
        return (*sides, channels)


class MaxPooling2D(_Pooling):
    """Keeps the largest value of each window."""


class AveragePooling2D(_Pooling):
    """Keeps the mean of each window."""


class _GlobalPooling(Layer):
    """One number for each map."""

    keepdims: bool = False
    """Whether the result keeps a height and width of 1."""

    def output_shape(self, shape: Shape) -> Shape:
        channels = self.as_image(shape)[2]
        return (1, 1, channels) if self.keepdims else (channels,)


class GlobalAveragePooling2D(_GlobalPooling):
    """Keeps the mean of each map."""


class GlobalMaxPooling2D(_GlobalPooling):
    """Keeps the largest value of each map."""


class Flatten(Layer):
    """Turns maps into one row of numbers."""

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)


def _to_borders(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return ((value, value), (value, value))
    if isinstance(value, list | tuple) and len(value) == 2:
        return tuple(
            (side, side)
            if isinstance(side, int) and not isinstance(side, bool)
            else tuple(side)
            if isinstance(side, list | tuple) and len(side) == 2
            else side
            for side in value
        )
    raise mistake(
        "expected a whole number, [height, width], or [[top, bottom], [left, right]], "
        f"found {describe(value)}"
    )


_Border = Annotated[int, Field(ge=0, le=1024)]
Borders: TypeAlias = Annotated[
    tuple[tuple[_Border, _Border], tuple[_Border, _Border]],
    BeforeValidator(_to_borders),
]


class ZeroPadding2D(Layer):
    """Puts a border of zeros around the maps."""

    shorthand = "padding"

    padding: Borders = ((1, 1), (1, 1))
    """One number, [height, width], or [[top, bottom], [left, right]]."""

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = self.as_image(shape)
        (top, bottom), (left, right) = self.padding
        return (height + top + bottom, width + left + right, channels)
