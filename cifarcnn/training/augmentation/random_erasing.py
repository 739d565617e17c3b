"""Parts of an image painted over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cifarcnn.training.augmentation.gather import draw_boxes, inside_boxes
from cifarcnn.training.augmentation.operation import Draws, Operation
from cifarcnn.training.augmentation.random_draws import Chance, whole_numbers

if TYPE_CHECKING:
    import numpy as np


class RandomErasing(Operation):
    """Paints a rectangle over that lies anywhere inside the image.

    With a fixed size it is a square, as in DeVries and Taylor, "Improved
    Regularization of Convolutional Neural Networks with Cutout" (2017); with a range,
    height and width are drawn apart, as in Zhong et al., "Random Erasing Data
    Augmentation" (2017).
    """

    def __init__(
        self,
        chance: Chance,
        *,
        size: tuple[int, int],
        probability: float,
        fill_value: int,
    ) -> None:
        super().__init__(chance)
        self.size = size
        self.probability = probability
        self.fill_value = fill_value

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        draws = self.chance.draw(epoch, index, 5)
        sides = whole_numbers(draws[:, :2], *self.size)
        # A rectangle without pixels leaves the image as it is.
        sides *= draws[:, 2:3] < self.probability
        return {"box": draw_boxes(sides[:, 0], sides[:, 1], draws[:, 3:])}

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        from keras import ops

        paint = ops.full_like(images, self.fill_value)
        return ops.where(inside_boxes(draws["box"]), paint, images)
