"""Flip and translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from cifarcnn.training.augmentation.chance import Chance, whole_numbers
from cifarcnn.training.augmentation.geometry import take_pixels
from cifarcnn.training.augmentation.operation import SIDE, Draws, Operation

if TYPE_CHECKING:
    import numpy as np


class RandomFlip(Operation):
    """Mirrors a picture, or leaves it.

    With ``alternate`` a fixed random bit decides for the first epoch, and every later
    epoch turns it over, so that two epochs together show both sides of every picture
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

    def apply(self, pictures: Any, draws: Mapping[str, Any]) -> Any:
        from keras import ops

        line = ops.arange(SIDE, dtype="int32")[None, :]
        # A gather is faster on a CPU than a choice between a picture and its mirror
        # image. Where a picture is flipped, 31 - x comes to the place x.
        places = line + draws["flipped"][:, None] * (SIDE - 1 - 2 * line)
        if self.mode == "horizontal":
            return take_pixels(pictures, line[:, :, None], places[:, None, :])
        return take_pixels(pictures, places[:, :, None], line[:, None, :])


class RandomTranslation(Operation):
    """Moves a picture by whole pixels; what comes in is mirrored or black."""

    def __init__(
        self, chance: Chance, *, pixels: int, fill: Literal["reflect", "zero"]
    ) -> None:
        super().__init__(chance)
        self.pixels = pixels
        self.fill = fill

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.chance.draw(epoch, index, 2)
        return {"shift": whole_numbers(draws, -self.pixels, self.pixels)}

    def apply(self, pictures: Any, draws: Mapping[str, Any]) -> Any:
        from keras import ops

        line = ops.arange(SIDE, dtype="int32")[None, :]
        # Down and to the right by the shift: the pixel comes from above and the left.
        rows = line - draws["shift"][:, :1]
        columns = line - draws["shift"][:, 1:]
        moved = take_pixels(
            pictures, _reflect(rows)[:, :, None], _reflect(columns)[:, None, :]
        )
        if self.fill == "reflect":
            return moved
        within = ops.logical_and(_within(rows)[:, :, None], _within(columns)[:, None])
        return ops.where(within[..., None], moved, ops.zeros_like(moved))


def _reflect(places: Any) -> Any:
    """Places beyond an edge mirrored at the pixel on the edge: -1 to 1, 32 to 30."""
    from keras import ops

    return SIDE - 1 - ops.abs(SIDE - 1 - ops.abs(places))


def _within(places: Any) -> Any:
    from keras import ops

    return ops.logical_and(places >= 0, places < SIDE)
