"""Rotation, zoom and shear, which put pixels between those of the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from cifarcnn.training.augmentation.affine_transform import (
    Interpolation,
    affine_transform,
    to_fixed_point,
)
from cifarcnn.training.augmentation.operation import Draws, Operation

# The smallest and the largest.
Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class _Affine(Operation):
    """Takes each pixel from where the draws say."""

    fill: Literal["reflect", "nearest", "zero"]
    interpolation: Interpolation

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        fill = 0 if self.fill == "zero" else self.fill
        return affine_transform(images, draws["transform"], self.interpolation, fill)


@dataclass(frozen=True)
class RandomRotation(_Affine):
    """Turns an image around its middle, to the left by ``factor`` of a full turn."""

    factor: Range

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        turn = self.random.draw(epoch, index, 1)[..., 0]
        angle = 2 * np.pi * _between(turn, self.factor)
        cosine, sine = np.cos(angle), np.sin(angle)
        return {"transform": to_fixed_point(cosine, sine, 0, -sine, cosine, 0)}


@dataclass(frozen=True)
class RandomZoom(_Affine):
    """Shows ``1 + factor`` times as much of each side of an image."""

    height_factor: Range
    width_factor: Range | None

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        first, second = np.moveaxis(self.random.draw(epoch, index, 2), -1, 0)
        height = width = 1 + _between(first, self.height_factor)
        if self.width_factor is not None:
            width = 1 + _between(second, self.width_factor)
        return {"transform": to_fixed_point(height, 0, 0, 0, width, 0)}


@dataclass(frozen=True)
class RandomShear(_Affine):
    """Pushes rows and columns aside; those at the top and the left stay.

    As in Keras's layer one draw decides the direction of both.
    """

    x_factor: Range
    y_factor: Range

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.random.draw(epoch, index, 3)
        direction, along_x, along_y = np.moveaxis(draws, -1, 0)
        sign = np.where(direction < 0.5, 1, -1)
        x = sign * _between(along_x, self.x_factor)
        y = sign * _between(along_y, self.y_factor)
        # From the middle to the top and to the left.
        up, left = ((side - 1) / 2 for side in self.image_size)
        return {"transform": to_fixed_point(1, y, y * left, x, 1, x * up)}


def _between(draws: np.ndarray, ends: Range) -> np.ndarray:
    low, high = ends
    return low + (high - low) * draws
