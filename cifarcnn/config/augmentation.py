"""Random changes of the training images, by Keras's names where Keras has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from cifarcnn.config.named_choice import (
    Choice,
    NamedChoice,
    describe,
    expect_pair,
    problem,
)

MOST_OPERATIONS = 16

Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Jitter: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Alpha: TypeAlias = Annotated[float, Field(ge=0.01, le=100)]
Side: TypeAlias = Annotated[int, Field(ge=1)]
Factor: TypeAlias = Annotated[float, Field(ge=-1, le=1)]
Fill: TypeAlias = Literal["reflect", "nearest", "zero"]


def _check_order(pair: tuple[float, float]) -> tuple[float, float]:
    low, high = pair
    if low > high:
        raise problem(
            f"expected the smaller number first, found {low} before {high}",
            f"write [{high}, {low}]",
        )
    return pair


def _to_range(value: Any) -> Any:
    """A number as a range to both sides of 0, as Keras takes it."""
    if _is_number(value):
        # Not left to both ends: that would be two problems.
        if not abs(value) <= 1:
            raise problem(f"expected a number of -1 to 1, found {describe(value)}")
        return (-abs(value), abs(value))
    if isinstance(value, list | tuple) and len(value) == 2:
        return tuple(value)
    raise problem(
        "expected a number, or two of them [smallest, largest], "
        f"found {describe(value)}"
    )


# From which a factor is drawn: a number for -number to number, or both ends.
FactorRange: TypeAlias = Annotated[
    tuple[Factor, Factor],
    BeforeValidator(_to_range, json_schema_input_type=Factor | tuple[Factor, Factor]),
    AfterValidator(_check_order),
]


def _refuse_degrees(value: Any) -> Any:
    if _is_number(value) and abs(value) > 1:
        raise problem(
            f"expected a number of -1 to 1, found {describe(value)}",
            f"{value:g} degrees are {value / 360:.3g} of a full turn",
        )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
    fill: Fill = "reflect"
    """What comes in: the picture mirrored at its edge pixel, that pixel, or black."""

    def pixel_lengths(self) -> Iterator[tuple[int, tuple[str | int, ...]]]:
        yield self.pixels, ("pixels",)


class _Affine(Augmentation):
    fill: Fill = "reflect"
    """What comes in: the picture mirrored at its edge, its edge pixels, or black."""
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    """From the four pixels around a place, or from the nearest, which is faster."""


class RandomRotation(_Affine):
    """Turns a picture around its middle."""

    shorthand = "factor"

    factor: Annotated[FactorRange, BeforeValidator(_refuse_degrees)] = (-0.1, 0.1)
    """Full turns to the left: 0.1 is drawn from -36 to 36 degrees; or [low, high]."""


class RandomZoom(_Affine):
    """Makes what is in a picture smaller or larger, around its middle."""

    shorthand = "height_factor"

    height_factor: FactorRange = (-0.1, 0.1)
    """0.1 shows a tenth more, smaller; -0.1 a tenth less, larger; or [low, high]."""
    width_factor: FactorRange | None = None
    """The same for the width, drawn apart; null: as for the height."""


class RandomShear(_Affine):
    """Pushes the rows of a picture aside, each further, or the columns."""

    shorthand = "x_factor"

    x_factor: FactorRange = (-0.1, 0.1)
    """What the rows move for each row from the top; to either side; or [low, high]."""
    y_factor: FactorRange = (0.0, 0.0)
    """What the columns move for each column from the left, likewise."""


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
    RandomRotation,
    RandomZoom,
    RandomShear,
    RandomErasing,
    RandomBrightness,
    RandomContrast,
    RandomSaturation,
    RandAugment,
    MixUp,
    CutMix,
)
AnyAugmentation: TypeAlias = Annotated[Augmentation, AUGMENTATIONS]
