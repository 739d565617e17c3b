"""A few operations for each image, drawn from a fixed set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from cifarcnn.training.augmentation.affine_transform import (
    affine_transform,
    to_fixed_point,
)
from cifarcnn.training.augmentation.color import (
    ONE,
    as_images,
    as_numbers,
    grey,
    mean_colour,
    per_image,
    stretch,
)
from cifarcnn.training.augmentation.operation import Draws, Operation, Size
from cifarcnn.training.augmentation.random_draws import whole_numbers

# All that can happen to an image. The first five move pixels and need one gather
# together; the others change each pixel by itself. Left out of the operations of the
# paper are `Equalize` and `Sharpness`, which are dear on whole batches.
KINDS = (
    "Rotate",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Brightness",
    "Color",
    "Contrast",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Identity",
)
# What the full strength is, after the ranges of Cubuk et al., "AutoAugment" (2018),
# table 6; its 150 of 331 pixels are 14 of CIFAR's 32.
LARGEST_DEGREES = 30
LARGEST_SHEAR = 0.3
LARGEST_SHIFT_FRACTION = 0.4375
LARGEST_CHANGE = 0.9
MOST_BITS_LOST = 4
# Colour of what lay outside of the image.
_OUTSIDE = 128


@dataclass(frozen=True)
class RandAugment(Operation):
    """Does ``num_ops`` of :data:`KINDS`, each with a strength up to ``factor``.

    Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced
    search space" (2019); as in Keras's layer the strength is drawn, with its sign.
    """

    num_ops: int
    factor: float

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.random.draw(epoch, index, 2 * self.num_ops)
        kind = whole_numbers(draws[..., : self.num_ops], 0, len(KINDS) - 1)
        strength = self.factor * (2 * draws[..., self.num_ops :] - 1)
        return {
            "kind": kind,
            "transform": draw_transforms(kind, strength, self.image_size),
            "amount": np.round(ONE * strength).astype(np.int32),
        }

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        for turn in range(self.num_ops):
            transform = draws["transform"][:, turn]
            images = affine_transform(images, transform, "nearest", _OUTSIDE)
            images = _recolour(images, draws["kind"][:, turn], draws["amount"][:, turn])
        return images


def draw_transforms(kind: np.ndarray, strength: np.ndarray, size: Size) -> np.ndarray:
    """Where the pixels of each image come from, as ``affine_transform`` takes it.

    Args:
        kind: int ``(...)``, places in :data:`KINDS`.
        strength: float ``(...)``, -1 to 1.
        size: Height and width of the images.

    Returns:
        int32 ``(..., 6)``; that of a kind that moves nothing leads each to itself.
    """

    def of(name: str) -> np.ndarray:
        return np.where(kind == KINDS.index(name), strength, 0.0)

    angle = np.radians(LARGEST_DEGREES) * of("Rotate")
    return to_fixed_point(
        np.cos(angle),
        LARGEST_SHEAR * of("ShearY") - np.sin(angle),
        LARGEST_SHIFT_FRACTION * size[0] * of("TranslateY"),
        LARGEST_SHEAR * of("ShearX") + np.sin(angle),
        np.cos(angle),
        LARGEST_SHIFT_FRACTION * size[1] * of("TranslateX"),
    )


def _recolour(images: Any, kind: Any, amount: Any) -> Any:
    """Do those operations that change each pixel by itself.

    Args:
        images: uint8 ``(b, height, width, 3)``.
        kind: int32 ``(b,)``, places in :data:`KINDS`.
        amount: int32 ``(b,)``, strengths in 1/1024, -1024 to 1024.
    """
    numbers = as_numbers(images)
    kind = per_image(kind)
    # 0.9 in 1/1024, times the strength.
    factor = ONE + ops.right_shift(per_image(amount) * round(LARGEST_CHANGE * ONE), 10)
    strength = ops.abs(per_image(amount))

    def choose(name: str, changed: Any, otherwise: Any) -> Any:
        return ops.where(kind == KINDS.index(name), changed, otherwise)

    # Three of them draw pixels away from something: one calculation for all.
    centre = choose("Contrast", mean_colour(numbers), ops.zeros_like(numbers))
    centre = choose("Color", grey(numbers), centre)
    plain = ops.full_like(factor, ONE)
    for name in ("Brightness", "Color", "Contrast"):
        plain = choose(name, factor, plain)
    result = stretch(numbers, centre, plain)
    result = choose("Posterize", _posterize(numbers, strength), result)
    result = choose("Solarize", _solarize(numbers, strength), result)
    result = choose("AutoContrast", _spread(numbers), result)
    return as_images(result)


def _posterize(numbers: Any, strength: Any) -> Any:
    """Without the last bits, up to four of the eight."""
    lost = ops.right_shift(strength * MOST_BITS_LOST + ONE // 2, 10)
    return ops.left_shift(ops.right_shift(numbers, lost), lost)


def _solarize(numbers: Any, strength: Any) -> Any:
    """What is brighter than a threshold turned into its negative."""
    threshold = 256 - ops.right_shift(strength, 2)
    return ops.where(numbers >= threshold, 255 - numbers, numbers)


def _spread(numbers: Any) -> Any:
    """Each colour stretched from its darkest and brightest pixel to 0 and 255."""
    low = ops.min(numbers, axis=(1, 2), keepdims=True)
    width = ops.max(numbers, axis=(1, 2), keepdims=True) - low
    # Rounded to the nearest; a colour that is the same everywhere stays as it is.
    spread = (2 * 255 * (numbers - low) + width) // (2 * ops.maximum(width, 1))
    return ops.where(width > 0, spread, numbers)
