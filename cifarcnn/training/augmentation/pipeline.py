"""The operations of a config, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cifarcnn.config.named_choice import Choice, snake_case
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
from cifarcnn.training.augmentation.operation import Draws, Mixing, Operation
from cifarcnn.training.augmentation.rand_augment import RandAugment
from cifarcnn.training.augmentation.random_draws import Chance
from cifarcnn.training.augmentation.random_erasing import RandomErasing

if TYPE_CHECKING:
    import numpy as np

# Named as the config names them, with the arguments of the same names.
_OPERATIONS: Mapping[str, type[Operation]] = {
    operation.__name__: operation
    for operation in (
        RandomFlip,
        RandomTranslation,
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
    choices: Sequence[Choice], seed: int, count: int
) -> Augmentation | None:
    """The operations that a config chose.

    Args:
        choices: ``data.augmentation``.
        seed: 0 or more.
        count: Number of training images.

    Returns:
        ``None`` when there are none.
    """
    operations = {}
    for place, choice in enumerate(choices, start=1):
        build = _OPERATIONS[choice.type]
        name = f"{snake_case(choice.type)}_{place}"
        operations[name] = build(Chance(seed, place, count), **choice.arguments())
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
        """What happens to each image of a batch.

        Args:
            epoch: Counted from 0.
            index: int ``(b,)``, which training images.

        Returns:
            int32 ``(b,)`` or ``(b, ...)`` by name.
        """
        return {
            f"{name}_{key}": value
            for name, operation in self.operations.items()
            for key, value in operation.draw(epoch, index).items()
        }

    def draw_nothing(self, count: int) -> Draws:
        """What takes the place of the draws where nothing happens: zeros."""
        import numpy as np

        return {
            name: np.zeros((count, *value.shape[1:]), value.dtype)
            for name, value in self._no_draws().items()
        }

    def apply(self, images: Any, draws: Mapping[str, Any]) -> Any:
        """Do what was drawn; moves that follow one another are done in one go.

        Args:
            images: uint8 ``(b, 32, 32, 3)``.
            draws: As :meth:`draw` gives them.

        Returns:
            uint8 ``(b, 32, 32, 3)``.
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
        self, labels: np.ndarray, class_count: int, draws: Draws
    ) -> np.ndarray:
        """The labels of mixed images.

        Args:
            labels: int ``(b,)``.
            class_count: Number of classes.
            draws: As :meth:`draw` gives them.

        Returns:
            float32 ``(b, class_count)``, shares that add to 1.
        """
        import numpy as np

        shares: np.ndarray = np.eye(class_count, dtype=np.float32)[labels]
        for name, operation in self.operations.items():
            if isinstance(operation, Mixing):
                shares = operation.mix_labels(shares, _own(draws, name))
        return shares

    def inputs(self) -> dict[str, Any]:
        """A ``keras.Input`` for each of the draws."""
        import keras

        return {
            name: keras.Input(value.shape[1:], dtype=value.dtype.name, name=name)
            for name, value in self._no_draws().items()
        }

    def as_layer(self) -> Any:
        """A Keras layer from images and draws to images, awake in training only."""
        import keras

        augmentation = self

        class AugmentationLayer(keras.layers.Layer):  # type: ignore[misc]
            """Does what was drawn while the network learns; else does nothing."""

            def call(self, images: Any, draws: Any, training: bool = False) -> Any:
                return augmentation.apply(images, draws) if training else images

            def compute_output_spec(
                self, images: Any, draws: Any, training: bool = False
            ) -> Any:
                return keras.KerasTensor(images.shape, dtype=images.dtype)

        return AugmentationLayer(name="augmentation")

    def _no_draws(self) -> Draws:
        import numpy as np

        return self.draw(0, np.empty(0, dtype=np.int32))


def _own(draws: Mapping[str, Any], name: str) -> dict[str, Any]:
    prefix = f"{name}_"
    return {
        key.removeprefix(prefix): value
        for key, value in draws.items()
        if key.startswith(prefix)
    }
