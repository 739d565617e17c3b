"""Flip and translation: every pixel of a row or column goes the same way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cifarcnn.training.augmentation.gather import take_pixels
from cifarcnn.training.augmentation.operation import SIDE, Draws, Operation
from cifarcnn.training.augmentation.random_draws import Chance, whole_numbers

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Places:
    """Which row and which column of an image comes to each row and column.

    Attributes:
        rows: int32 ``(b, 32)``, 0 to 31, or less than 0 for none.
        columns: The same.
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
        images: uint8 ``(b, 32, 32, 3)``.
        moves: One or more.
    """
    from keras import ops

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
    from keras import ops

    before = ops.take_along_axis(first, ops.maximum(later, 0), axis=1)
    return ops.where(later < 0, later, before)


class RandomFlip(Move):
    """Mirrors an image, or leaves it.

    With ``alternate`` a fixed random bit decides for the first epoch, and every later
    epoch turns it over, so that two epochs together show both sides of every image
    (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498,
    section 3.6).
    """

    def __init__(
        self,
        chance: Chance,
        *,
        mode: Literal["horizontal", "vertical"],
        alternate: bool,
    ) -> None:
        super().__init__(chance)
        self.mode = mode
        self.alternate = alternate

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        import numpy as np

        if self.alternate:
            flipped = (self.chance.draw_once(index) < 0.5) ^ (epoch % 2 == 1)
        else:
            flipped = self.chance.draw(epoch, index, 1)[:, 0] < 0.5
        return {"flipped": flipped.astype(np.int32)}

    def places(self, draws: Mapping[str, Any]) -> Places:
        from keras import ops

        line = ops.arange(SIDE, dtype="int32")[None, :]
        # A gather is faster on a CPU than a choice between an image and its mirror
        # image. Where an image is flipped, 31 - x comes to the place x.
        turned = line + draws["flipped"][:, None] * (SIDE - 1 - 2 * line)
        still = line + ops.zeros_like(turned)
        if self.mode == "horizontal":
            return Places(still, turned)
        return Places(turned, still)


class RandomTranslation(Move):
    """Moves an image by whole pixels; what comes in is mirrored or black."""

    def __init__(
        self, chance: Chance, *, pixels: int, fill: Literal["reflect", "zero"]
    ) -> None:
        super().__init__(chance)
        self.pixels = pixels
        self.fill = fill

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.chance.draw(epoch, index, 2)
        return {"shift": whole_numbers(draws, -self.pixels, self.pixels)}

    def places(self, draws: Mapping[str, Any]) -> Places:
        from keras import ops

        line = ops.arange(SIDE, dtype="int32")[None, :]
        # Down and to the right by the shift: the pixel comes from above and the left.
        rows = line - draws["shift"][:, :1]
        columns = line - draws["shift"][:, 1:]
        if self.fill == "reflect":
            return Places(_reflect(rows), _reflect(columns))
        return Places(_drop_outside(rows), _drop_outside(columns), gaps=True)


def _reflect(places: Any) -> Any:
    """Places beyond an edge mirrored at the pixel on the edge: -1 to 1, 32 to 30."""
    from keras import ops

    return SIDE - 1 - ops.abs(SIDE - 1 - ops.abs(places))


def _drop_outside(places: Any) -> Any:
    """Places beyond the other edge made less than 0 as well."""
    from keras import ops

    return ops.where(places < SIDE, places, -1)
