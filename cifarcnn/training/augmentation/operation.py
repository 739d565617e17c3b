"""What every random change of images has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.training.augmentation.random_draws import Chance

# Height and width of an image in pixels.
SIDE = 32

Draws: TypeAlias = "dict[str, np.ndarray]"


class Operation(ABC):
    """One random change: how it is drawn, and how it is done.

    Attributes:
        chance: Its random numbers.
    """

    def __init__(self, chance: Chance) -> None:
        self.chance = chance

    @abstractmethod
    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        """What happens to each image of a batch, in a few numbers.

        Args:
            epoch: Counted from 0.
            index: int ``(b,)``, which images; ``b`` may be 0.

        Returns:
            int32 ``(b,)`` or ``(b, ...)`` by name. The names, and the shapes but for
            ``b``, are always the same.
        """

    @abstractmethod
    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        """Do what was drawn: ``keras.ops`` of static shape alone.

        Args:
            images: uint8 ``(b, 32, 32, 3)``.
            draws: As :meth:`draw` gives them, as tensors.

        Returns:
            uint8 ``(b, 32, 32, 3)``.
        """


class Mixing(Operation):
    """An operation that takes parts of other images of the batch."""

    @abstractmethod
    def mix_labels(self, labels: np.ndarray, draws: Draws) -> np.ndarray:
        """Mix the labels in the proportion of the images.

        Args:
            labels: float32 ``(b, classes)``, shares that add to 1.
            draws: As :meth:`draw` gives them.

        Returns:
            float32 ``(b, classes)``, shares that add to 1.
        """
