"""Rectangles in an image, and what is painted over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from cifarcnn.training.augmentation.operation import Draws, Operation, Size
from cifarcnn.training.augmentation.random_draws import whole_numbers


@dataclass(frozen=True)
class RandomErasing(Operation):
    """Paints a rectangle over that lies anywhere inside the image.

    With a fixed size it is a square, as in DeVries and Taylor, "Improved
    Regularization of Convolutional Neural Networks with Cutout" (2017); with a range,
    height and width are drawn apart, as in Zhong et al., "Random Erasing Data
    Augmentation" (2017).
    """

    size: tuple[int, int]
    probability: float
    fill_value: int

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.random.draw(epoch, index, 5)
        sides = whole_numbers(draws[..., :2], *self.size)
        # A rectangle without pixels leaves the image as it is.
        sides *= draws[..., 2:3] < self.probability
        height, width = np.moveaxis(sides, -1, 0)
        return {"box": draw_boxes(self.image_size, height, width, draws[..., 3:])}

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        paint = ops.full_like(images, self.fill_value)
        return ops.where(inside_boxes(draws["box"], self.image_size), paint, images)


def draw_boxes(
    size: Size, height: np.ndarray, width: np.ndarray, draws: np.ndarray
) -> np.ndarray:
    """Put rectangles anywhere inside the image.

    Args:
        size: Height and width of the image.
        height: int32 ``(..., b)`` in pixels, 0 to that of the image.
        width: The same.
        draws: float64 ``(..., b, 2)``, for the place.

    Returns:
        int32 ``(..., b, 4)``: top, left, height and width.
    """
    top = whole_numbers(draws[..., 0], 0, size[0] - height)
    left = whole_numbers(draws[..., 1], 0, size[1] - width)
    return np.stack([top, left, height, width], axis=-1).astype(np.int32)


def inside_boxes(boxes: Any, size: Size) -> Any:
    """Which pixels lie in the rectangle: bool ``(b, height, width, 1)``.

    Args:
        boxes: int32 ``(b, 4)``: top, left, height and width.
        size: Height and width of the images.
    """
    y, x = (ops.arange(side, dtype="int32")[None, :] for side in size)
    top, left, height, width = (boxes[:, place, None] for place in range(4))
    rows = ops.logical_and(y >= top, y < top + height)
    columns = ops.logical_and(x >= left, x < left + width)
    return ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
