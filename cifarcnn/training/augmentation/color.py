"""Brightness, contrast and saturation, in whole numbers.

Factors and means are counted in 1/1024, so that every engine rounds alike: sums of
float32 depend on their order, and a compiler may join a product and a sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from cifarcnn.training.augmentation.operation import Draws, Operation
from cifarcnn.training.augmentation.random_draws import whole_numbers

ONE = 1024
# Shares of red, green and blue in the brightness that people see, of 1024 in all:
# 0.299, 0.587 and 0.114 of ITU-R BT.601, section 2.5.1.
LUMA = (306, 601, 117)


@dataclass(frozen=True)
class RandomBrightness(Operation):
    """Adds the same number to all pixels."""

    factor: float

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.random.draw(epoch, index, 1)[..., 0]
        largest = round(255 * self.factor)
        return {"added": whole_numbers(draws, -largest, largest)}

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        return as_images(as_numbers(images) + per_image(draws["added"]))


@dataclass(frozen=True)
class _BlendWithGrey(Operation):
    """Multiplies the distances from something by a factor for each image."""

    factor: float

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.random.draw(epoch, index, 1)[..., 0]
        largest = round(ONE * self.factor)
        return {"factor": ONE + whole_numbers(draws, -largest, largest)}


class RandomContrast(_BlendWithGrey):
    """Draws the pixels of each colour away from their mean, or towards it."""

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        numbers = as_numbers(images)
        return as_images(
            stretch(numbers, mean_colour(numbers), per_image(draws["factor"]))
        )


class RandomSaturation(_BlendWithGrey):
    """Makes the colours stronger or weaker; what is grey stays as it is."""

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        numbers = as_numbers(images)
        return as_images(stretch(numbers, grey(numbers), per_image(draws["factor"])))


def as_numbers(images: Any) -> Any:
    """uint8 as int32, to calculate with."""
    return ops.cast(images, "int32")


def as_images(numbers: Any) -> Any:
    """int32 as uint8; what lies beyond black or white becomes black or white."""
    return ops.cast(ops.minimum(ops.maximum(numbers, 0), 255), "uint8")


def per_image(numbers: Any) -> Any:
    """``(b,)`` to ``(b, 1, 1, 1)``."""
    return numbers[:, None, None, None]


def mean_colour(numbers: Any) -> Any:
    """The mean of each colour in 1/1024, rounded down: ``(b, 1, 1, 3)``."""
    count = numbers.shape[1] * numbers.shape[2]
    total = ops.sum(numbers, axis=(1, 2), keepdims=True)
    # In two parts: 1,024 times the sum would not fit into 32 bits for large images.
    whole = total // count
    return whole * ONE + (total - whole * count) * ONE // count


def grey(numbers: Any) -> Any:
    """The brightness of each pixel in 1/1024: ``(b, height, width, 1)``."""
    red, green, blue = (numbers[..., place : place + 1] for place in range(3))
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def stretch(numbers: Any, centre: Any, factor: Any) -> Any:
    """``centre + (numbers - centre) * factor``, rounded to the nearest whole number.

    Args:
        numbers: int32, 0 to 255.
        centre: int32 in 1/1024.
        factor: int32 in 1/1024, 0 to 2048: more would not fit into 32 bits.
    """
    # In 1/1024 of 1/1024: centre * 1 + (numbers - centre) * factor + a half.
    exact = centre * ONE + (numbers * ONE - centre) * factor + ONE * ONE // 2
    return ops.right_shift(exact, 20)
