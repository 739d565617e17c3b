"""Parts of a picture painted over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cifarcnn.training.augmentation.chance import Chance, whole_numbers
from cifarcnn.training.augmentation.geometry import draw_boxes, inside_boxes
from cifarcnn.training.augmentation.operation import Draws, Operation

if TYPE_CHECKING:
    import numpy as np


class RandomErasing(Operation):
    """Paints a rectangle over that lies anywhere inside the picture.

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
        # A rectangle without pixels leaves the picture as it is.
        sides *= draws[:, 2:3] < self.probability
        return {"box": draw_boxes(sides[:, 0], sides[:, 1], draws[:, 3:])}

    def apply(self, pictures: Any, draws: Mapping[str, Any]) -> Any:
        from keras import ops

        paint = ops.full_like(pictures, self.fill_value)
        return ops.where(inside_boxes(draws["box"]), paint, pictures)
