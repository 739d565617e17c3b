"""The layers that make maps smaller or larger without weights."""

from __future__ import annotations

from math import prod
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from cifarcnn.config.layers.base import (
    Kept,
    Layer,
    Padding,
    PositivePair,
    Shape,
    Window,
)
from cifarcnn.config.named_choice import expect_pair


class _SizeChange(Layer):
    """Changes the size of maps; nothing is sure to be kept for the gradient."""

    keeps_input = False
    keeps_output: ClassVar[Kept] = "unknown"


class _Pooling(_SizeChange):
    """A window that keeps one number of several."""

    shorthand = "pool_size"

    pool_size: PositivePair = (2, 2)
    """Height and width of the window."""
    strides: PositivePair | None = None
    """How far the window moves at a time; null: as far as it is large."""
    padding: Padding = "valid"
    """`valid` leaves out an incomplete window at the border; `same` keeps it."""

    def output_shape(self, shape: Shape) -> Shape:
        channels = self.as_image(shape)[2]
        hint = (
            "use fewer or smaller poolings, or padding: same in the convolutions "
            "before it"
        )
        return self.window(shape).output_shape(shape, channels, hint)

    def window(self, shape: Shape) -> Window:
        strides = self.strides or self.pool_size
        return Window.over(shape, self.pool_size, strides, self.padding)


class MaxPooling2D(_Pooling):
    """Keeps the largest value of each window."""

    keeps_input = True


class AveragePooling2D(_Pooling):
    """Keeps the mean of each window."""


class _GlobalPooling(_SizeChange):
    """One number for each map."""

    keepdims: bool = False
    """Whether the result keeps a height and width of 1."""

    def output_shape(self, shape: Shape) -> Shape:
        channels = self.as_image(shape)[2]
        return (1, 1, channels) if self.keepdims else (channels,)

    def window(self, shape: Shape) -> None:
        """None: every number is of the whole map."""


class GlobalAveragePooling2D(_GlobalPooling):
    """Keeps the mean of each map."""


class GlobalMaxPooling2D(_GlobalPooling):
    """Keeps the largest value of each map."""


class Flatten(_SizeChange):
    """Turns maps into one row of numbers."""

    keeps_input = True

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)

    def window(self, shape: Shape) -> None:
        """None: a row of numbers has no places, and holds the whole input."""


_Border: TypeAlias = Annotated[int, Field(ge=0, le=1024)]
_Borders: TypeAlias = Annotated[
    tuple[_Border, _Border],
    expect_pair(_Border | tuple[_Border, _Border], "a whole number, or two of them"),
]
Borders: TypeAlias = Annotated[
    tuple[_Borders, _Borders],
    expect_pair(
        _Border | tuple[_Borders, _Borders],
        "a whole number, [height, width], or [[top, bottom], [left, right]]",
    ),
]


class ZeroPadding2D(_SizeChange):
    """Puts a border of zeros around the maps."""

    shorthand = "padding"

    padding: Borders = ((1, 1), (1, 1))
    """One number, [height, width], or [[top, bottom], [left, right]]."""

    def output_shape(self, shape: Shape) -> Shape:
        return self.window(shape).output_shape(shape, self.as_image(shape)[2])

    def window(self, shape: Shape) -> Window:
        return Window((1, 1), padding=self.padding)


class UpSampling2D(_SizeChange):
    """Makes maps larger by a whole number of times."""

    shorthand = "size"

    size: PositivePair = (2, 2)
    """How many times as high and as wide."""
    interpolation: Literal["nearest", "bilinear"] = "nearest"
    """`nearest` repeats every value; `bilinear` has straight lines between them."""

    def output_shape(self, shape: Shape) -> Shape:
        return self.window(shape).output_shape(shape, self.as_image(shape)[2])

    def window(self, shape: Shape) -> Window:
        if self.interpolation == "nearest":
            return Window((1, 1), enlarged=self.size)
        # The values lie in the middle of the cells, so that each result is between two
        # of them that are half a cell before and half a cell behind.
        halves = self.size[0] // 2, self.size[1] // 2
        return Window(
            (2, 2),
            dilation=(2 * halves[0], 2 * halves[1]),
            padding=((halves[0], halves[0]), (halves[1], halves[1])),
            enlarged=self.size,
        )


_Side: TypeAlias = Annotated[int, Field(ge=1, le=1024)]


class Resizing(_SizeChange):
    """Brings maps, or the pictures at the beginning, to a size; they are stretched."""

    keeps_output: ClassVar[Kept] = "if_needed"

    height: _Side
    """Height of the result."""
    width: _Side
    """Width of the result."""
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    """`bilinear` has straight lines between values; `nearest` repeats the nearest."""

    def output_shape(self, shape: Shape) -> Shape:
        return self.height, self.width, self.as_image(shape)[2]

    def window(self, shape: Shape) -> Window:
        # With n cells before and m after, the middle of cell i lies at
        # ((2 i + 1) n - m) / 2 m, counted in middles of the cells before: those that
        # lie nearest are one down from it and one up, and without the m the very one.
        (height, width), (down, across) = shape[:2], (self.height, self.width)
        strides, enlarged = (2 * height, 2 * width), (2 * down, 2 * across)
        if self.interpolation == "nearest":
            borders = (-height, 0), (-width, 0)
            return Window((1, 1), strides, padding=borders, enlarged=enlarged)
        borders = (down - height,) * 2, (across - width,) * 2
        dilation = 2 * down - 1, 2 * across - 1
        return Window((2, 2), strides, dilation, borders, enlarged)


POOLINGS = (
    MaxPooling2D,
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Flatten,
    ZeroPadding2D,
    UpSampling2D,
    Resizing,
)
