"""The operations of a config, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from cifarcnn.config.named_choice import Choice, snake_case
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.augmentation.color import (
    RandomBrightness,
    RandomContrast,
    RandomSaturation,
)
from cifarcnn.training.augmentation.flip_and_translate import (
    Move,
    Places,
    RandomFlip,
    RandomTranslation,
    move_all,
)
from cifarcnn.training.augmentation.mixup_cutmix import CutMix, MixUp
from cifarcnn.training.augmentation.operation import Draws, Mixing, Operation, Size
from cifarcnn.training.augmentation.rand_augment import RandAugment
from cifarcnn.training.augmentation.random_draws import RandomDraws
from cifarcnn.training.augmentation.random_erasing import RandomErasing
from cifarcnn.training.augmentation.rotate_zoom_shear import (
    RandomRotation,
    RandomShear,
    RandomZoom,
)

# Named as the config names them, with the arguments of the same names.
_OPERATIONS: Mapping[str, type[Operation]] = {
    operation.__name__: operation
    for operation in (
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
}


def build_augmentation(
    choices: Sequence[Choice], seed: int, count: int, size: Size
) -> Augmentation | None:
    """The operations that a config chose.

    Args:
        choices: ``data.augmentation``.
        seed: 0 or more.
        count: Number of training images.
        size: Their height and width.

    Returns:
        ``None`` when there are none.
    """
    operations = {}
    for place, choice in enumerate(choices, start=1):
        build = _OPERATIONS[choice.type]
        name = f"{snake_case(choice.type)}_{place}"
        random = RandomDraws(seed, place, count)
        operations[name] = build(random, size, **choice.arguments())
    return Augmentation(operations) if operations else None


class Augmentation:
    """Draws what happens to the images of a batch, and does it.

    Attributes:
        operations: By a name of their own, in the order in which they are done.
    """

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self.operations = operations

    @property
    def mixes_labels(self) -> bool:
        """Whether a label is a share for each class instead of one class."""
        return any(isinstance(found, Mixing) for found in self.operations.values())

    def draw(self, epoch: int, index: np.ndarray) -> Draws:
        """As :meth:`Operation.draw`, of all operations, each with names of its own."""
        return {
            f"{name}_{key}": value
            for name, operation in self.operations.items()
            for key, value in operation.draw(epoch, index).items()
        }

    def draw_nothing(self, *shape: int) -> Draws:
        """Zeros in place of the draws for ``shape``, ``(..., b)``: nothing happens."""
        return {
            name: np.zeros((*shape, *value.shape[1:]), value.dtype)
            for name, value in self._no_draws().items()
        }

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        """Do what was drawn; moves that follow one another are done in one go.

        Args:
            images: uint8 ``(b, height, width, 3)``, as is the result.
            draws: As :meth:`draw` gives them.
        """
        moves: list[Places] = []
        for name, operation in self.operations.items():
            own = _own(draws, name)
            if isinstance(operation, Move):
                moves.append(operation.places(own))
                continue
            if moves:
                images, moves = move_all(images, moves), []
            images = operation.apply(images, own)
        return move_all(images, moves) if moves else images

    def mix_labels(
        self, labels: Any, class_count: int, draws: Mapping[str, Any]
    ) -> Any:
        """Labels ``(b,)`` of mixed images, as shares: float32 ``(b, class_count)``."""
        shares = ops.one_hot(labels, class_count, dtype="float32")
        for name, operation in self.operations.items():
            if isinstance(operation, Mixing):
                shares = operation.mix_labels(shares, _own(draws, name))
        return shares

    def inputs(self) -> dict[str, Any]:
        """A ``keras.Input`` for each of the draws."""
        return {
            name: keras.Input(value.shape[1:], dtype=value.dtype.name, name=name)
            for name, value in self._no_draws().items()
        }

    def _no_draws(self) -> Draws:
        return self.draw(0, np.empty(0, dtype=np.int32))


class AugmentationLayer(keras.layers.Layer):  # type: ignore[misc]
    """Does to images what was drawn while the network learns; else does nothing."""

    def __init__(self, augmentation: Augmentation) -> None:
        super().__init__(name="augmentation")
        self.augmentation = augmentation

    def call(self, images: Any, draws: Any, training: bool = False) -> Any:
        return self.augmentation.apply(images, draws) if training else images

    def compute_output_spec(
        self, images: Any, draws: Any, training: bool = False
    ) -> Any:
        return keras.KerasTensor(images.shape, dtype=images.dtype)


def preview(
    choices: Sequence[Choice],
    seed: int,
    images: np.ndarray,
    index: np.ndarray,
    epochs: Sequence[int],
) -> np.ndarray:
    """Images as they are, and as the network sees them in some epochs of a training.

    Only the partners of mixed images are chosen among those shown, and not among their
    batch.

    Args:
        choices: ``data.augmentation``.
        seed: Of the training.
        images: uint8 ``(n, height, width, 3)``, the training images.
        index: int32 ``(b,)``, which of them are shown.
        epochs: Counted from 0.

    Returns:
        uint8 ``(b, 1 + len(epochs), height, width, 3)``; the first is the image itself.
    """
    augmentation = build_augmentation(choices, seed, len(images), images.shape[1:3])
    chosen = images[index]
    seen = [
        to_numpy(augmentation.apply(chosen, augmentation.draw(epoch, index)))
        if augmentation
        else chosen
        for epoch in epochs
    ]
    return np.stack([chosen, *seen], axis=1)


def _own(draws: Mapping[str, Any], name: str) -> dict[str, Any]:
    prefix = f"{name}_"
    return {
        key.removeprefix(prefix): value
        for key, value in draws.items()
        if key.startswith(prefix)
    }
