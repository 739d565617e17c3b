"""Random changes of the training images, by Keras's names where Keras has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from cifarcnn.config.named_choice import Choice, NamedChoice, expect_pair, problem

MOST_OPERATIONS = 16

Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Jitter: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Alpha: TypeAlias = Annotated[float, Field(ge=0.01, le=100)]
Side: TypeAlias = Annotated[int, Field(ge=1)]


def _check_order(sides: tuple[int, int]) -> tuple[int, int]:
    if sides[0] > sides[1]:
        raise problem(
            f"expected the smaller number first, found {sides[0]} before {sides[1]}",
            f"write [{sides[1]}, {sides[0]}]",
        )
    return sides


# A whole number, or the smallest and the largest.
PixelRange: TypeAlias = Annotated[
    tuple[Side, Side],
    expect_pair(
        Side | tuple[Side, Side],
        "a whole number of pixels, or two of them [smallest, largest]",
    ),
    AfterValidator(_check_order),
]


class Augmentation(Choice):
    """A random change of the training images."""

    def pixel_lengths(self) -> Iterator[tuple[int, tuple[str | int, ...]]]:
        """What must be smaller than an image, each with the way to the argument."""
        yield from ()


class RandomFlip(Augmentation):
    """Mirrors a picture, or leaves it."""

    shorthand = "mode"

    mode: Literal["horizontal", "vertical"] = "horizontal"
    """`horizontal` changes left and right, `vertical` top and bottom."""
    alternate: bool = False
    """Whether every epoch turns each picture over again, instead of a new draw."""


class RandomTranslation(Augmentation):
    """Moves a picture by whole pixels, the same chance for every offset."""

    shorthand = "pixels"

    pixels: Side = 4
    """Largest offset in each direction: up, down, left and right."""
    fill: Literal["reflect", "zero"] = "reflect"
    """What comes in at the edge: the picture mirrored at its edge pixel, or black."""

    def pixel_lengths(self) -> Iterator[tuple[int, tuple[str | int, ...]]]:
        yield self.pixels, ("pixels",)


class RandomErasing(Augmentation):
    """Paints a rectangle of a picture over (also known as cutout)."""

    shorthand = "size"

    size: PixelRange = (8, 8)
    """Height and width in pixels: one number, or [smallest, largest] to draw from."""
    probability: Probability = 1.0
    """Share of the pictures that it happens to."""
    fill_value: Annotated[int, Field(ge=0, le=255)] = 128
    """What is painted, 0 to 255, in all three colours; 128 is near the mean."""

    def pixel_lengths(self) -> Iterator[tuple[int, tuple[str | int, ...]]]:
        yield self.size[1], ("size", 1)


class RandomBrightness(Augmentation):
    """Makes a picture lighter or darker."""

    shorthand = "factor"

    factor: Jitter = 0.2
    """Largest change; 1 would be from black to white."""


class RandomContrast(Augmentation):
    """Draws the pixels of each colour away from their mean, or towards it."""

    shorthand = "factor"

    factor: Jitter = 0.2
    """Distances from the mean are multiplied by 1 - factor to 1 + factor."""


class RandomSaturation(Augmentation):
    """Makes the colours stronger or weaker."""

    shorthand = "factor"

    factor: Jitter = 0.2
    """Distances from grey are multiplied by 1 - factor to 1 + factor."""


class RandAugment(Augmentation):
    """Does a few operations, drawn for each picture from a fixed set."""

    shorthand = "num_ops"

    num_ops: Annotated[int, Field(ge=1, le=8)] = 2
    """How many operations, one after the other; the same one may come twice."""
    factor: Jitter = 0.5
    """Largest strength of each; 1 is the strongest."""


class MixUp(Augmentation):
    """Blends each picture, and its label, with another of the batch."""

    shorthand = "alpha"

    alpha: Alpha = 0.2
    """Both parameters of the beta distribution of the share; small: little mixing."""


class CutMix(Augmentation):
    """Pastes a rectangle of another picture of the batch; the labels share by area."""

    shorthand = "alpha"

    alpha: Alpha = 1.0
    """Both parameters of the beta distribution of the share; 1: all the same chance."""


AUGMENTATIONS = NamedChoice(
    "augmentation",
    RandomFlip,
    RandomTranslation,
    RandomErasing,
    RandomBrightness,
    RandomContrast,
    RandomSaturation,
    RandAugment,
    MixUp,
    CutMix,
)
AnyAugmentation: TypeAlias = Annotated[Augmentation, AUGMENTATIONS]
