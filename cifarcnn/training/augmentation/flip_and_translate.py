"""Flip and translation: every pixel of a row or column goes the same way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from keras import ops

from cifarcnn.training.augmentation.operation import (
    Draws,
    Operation,
    Size,
    take_pixels,
)
from cifarcnn.training.augmentation.random_draws import whole_numbers


@dataclass(frozen=True)
class Places:
    """Which row and which column of an image comes to each row and column.

    Attributes:
        rows: int32 ``(b, height)``, 0 to height - 1, or less than 0 for none.
        columns: The same, ``(b, width)``.
        gaps: Whether there can be none.
    """

    rows: Any
    columns: Any
    gaps: bool = False

    def then(self, later: Places) -> Places:
        """Both moves at once, this one first."""
        return Places(
            _follow(self.rows, later.rows),
            _follow(self.columns, later.columns),
            self.gaps or later.gaps,
        )


class Move(Operation):
    """An operation that puts whole rows and columns of pixels elsewhere."""

    @abstractmethod
    def places(self, draws: Mapping[str, Any]) -> Places:
        """What comes where."""

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        return move_all(images, [self.places(draws)])


def move_all(images: Any, moves: Sequence[Places]) -> Any:
    """Several moves, the first one first, with a single gather.

    It is the gather that costs time on a CPU. Where nothing comes to, it is black.

    Args:
        images: uint8 ``(b, height, width, 3)``.
        moves: One or more.
    """
    places, *others = moves
    for later in others:
        places = places.then(later)
    rows, columns = places.rows[:, :, None], places.columns[:, None, :]
    if not places.gaps:
        return take_pixels(images, rows, columns)
    moved = take_pixels(images, ops.maximum(rows, 0), ops.maximum(columns, 0))
    filled = ops.logical_and(rows >= 0, columns >= 0)
    return ops.where(filled[..., None], moved, ops.zeros_like(moved))


def _follow(first: Any, later: Any) -> Any:
    """Where a pixel was before the first move that comes to a place with the later."""
    before = ops.take_along_axis(first, ops.maximum(later, 0), axis=1)
    return ops.where(later < 0, later, before)


@dataclass(frozen=True)
class RandomFlip(Move):
    """Mirrors an image, or leaves it.

    With ``alternate`` a fixed random bit decides for the first epoch, and every later
    epoch turns it over, so that two epochs together show both sides of every image
    (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498,
    section 3.6).
    """

    mode: Literal["horizontal", "vertical"]
    alternate: bool

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        if self.alternate:
            flipped = (self.random.draw_once(index) < 0.5) ^ (epoch % 2 == 1)
        else:
            flipped = self.random.draw(epoch, index, 1)[..., 0] < 0.5
        return {"flipped": flipped.astype(np.int32)}

    def places(self, draws: Mapping[str, Any]) -> Places:
        y, x = _lines(self.image_size)
        flipped = draws["flipped"][:, None]
        # A gather is faster on a CPU than a choice between an image and its mirror
        # image. Where an image is flipped, width - 1 - x comes to the place x.
        if self.mode == "horizontal":
            turned = x + flipped * (self.image_size[1] - 1 - 2 * x)
            return Places(y + ops.zeros_like(flipped), turned)
        turned = y + flipped * (self.image_size[0] - 1 - 2 * y)
        return Places(turned, x + ops.zeros_like(flipped))


@dataclass(frozen=True)
class RandomTranslation(Move):
    """Moves an image by whole pixels; what comes in is ``fill``."""

    pixels: int
    fill: Literal["reflect", "nearest", "zero"]

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.random.draw(epoch, index, 2)
        return {"shift": whole_numbers(draws, -self.pixels, self.pixels)}

    def places(self, draws: Mapping[str, Any]) -> Places:
        y, x = _lines(self.image_size)
        # Down and to the right by the shift: the pixel comes from above and the left.
        rows, columns = y - draws["shift"][:, :1], x - draws["shift"][:, 1:]
        height, width = self.image_size
        if self.fill == "reflect":
            return Places(_reflect(rows, height), _reflect(columns, width))
        if self.fill == "nearest":
            return Places(_clip(rows, height), _clip(columns, width))
        return Places(
            _drop_outside(rows, height), _drop_outside(columns, width), gaps=True
        )


def _lines(size: Size) -> tuple[Any, Any]:
    """The places of an image from above and from the left: ``(1, side)`` each."""
    y, x = (ops.arange(side, dtype="int32")[None, :] for side in size)
    return y, x


def _reflect(places: Any, side: int) -> Any:
    """Places beyond an edge mirrored at its pixel: -1 to 1, side to side - 2."""
    return side - 1 - ops.abs(side - 1 - ops.abs(places))


def _clip(places: Any, side: int) -> Any:
    """Places beyond an edge brought to its pixel."""
    return ops.minimum(ops.maximum(places, 0), side - 1)


def _drop_outside(places: Any, side: int) -> Any:
    """Places beyond the other edge made less than 0 as well."""
    return ops.where(places < side, places, -1)
