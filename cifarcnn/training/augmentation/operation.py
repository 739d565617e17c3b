"""What every random change of images has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from cifarcnn.training.augmentation.random_draws import RandomDraws

Draws: TypeAlias = dict[str, np.ndarray]
# Height and width in pixels.
Size: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Operation(ABC):
    """One random change: how it is drawn, and how it is done.

    The fields of each kind are its arguments in the config.

    Attributes:
        random: Its random numbers.
        image_size: Height and width of the images.
    """

    random: RandomDraws
    image_size: Size

    @abstractmethod
    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        """What happens to each image of some batches, in a few numbers.

        Args:
            epoch: Counted from 0.
            index: int ``(..., b)``, which images; each row is a batch. ``b`` may be 0.

        Returns:
            int32 ``(..., b)`` or ``(..., b, k)`` by name. The names, the types and
            ``k`` are always the same.
        """

    @abstractmethod
    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        """Do what was drawn: ``keras.ops`` of static shape alone.

        Args:
            images: uint8 ``(b, height, width, 3)``.
            draws: As :meth:`draw` gives them, as tensors.

        Returns:
            uint8 ``(b, height, width, 3)``.
        """


class Mixing(Operation):
    """An operation that takes parts of other images of the batch."""

    @abstractmethod
    def mix_labels(self, labels: Any, draws: Mapping[str, Any]) -> Any:
        """Mix the labels in the proportion of the images: ``keras.ops`` alone.

        Args:
            labels: float32 ``(b, classes)``, shares that add to 1.
            draws: As :meth:`draw` gives them, as tensors.

        Returns:
            float32 ``(b, classes)``, shares that add to 1.
        """


def take_pixels(images: Any, rows: Any, columns: Any) -> Any:
    """Each pixel from a place of its own: ``images[b, rows[b, y, x], columns[...]]``.

    One flat gather of whole pixels: on a CPU seven times as fast as one along the
    axes with ``take_along_axis``, and twenty times as fast as a selection among
    shifted copies.

    Args:
        images: ``(b, height, width, 3)``.
        rows: int32, 0 to height - 1, ``(b, height, width)`` or with a 1 in place of
            height or width.
        columns: The same, 0 to width - 1.
    """
    _, height, width, channels = images.shape
    count = ops.shape(images)[0]
    starts = ops.arange(count, dtype="int32")[:, None, None] * (height * width)
    places = starts + rows * width + columns
    return ops.take(ops.reshape(images, (-1, channels)), places, axis=0)
