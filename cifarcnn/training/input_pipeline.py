"""The batches that a training learns from and validates by, as its config has them."""

from __future__ import annotations

import numpy as np

from cifarcnn.config import Config
from cifarcnn.evaluation_batch import EVALUATION_BATCH_SIZE
from cifarcnn.training.augmentation.operation import Draws
from cifarcnn.training.augmentation.pipeline import Augmentation, build_augmentation
from cifarcnn.training.batch_order import order_of_epoch
from cifarcnn.training.batches import Batches
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.training_data import TrainingData


class TrainingBatches(Batches):
    """The batches of every epoch, as indices into the training images."""

    def __init__(
        self,
        labels: np.ndarray,
        batch_size: int,
        seed: int,
        class_weights: np.ndarray | None = None,
        drop_remainder: bool = False,
        augmentation: Augmentation | None = None,
        class_count: int = 0,
        streamed: InputRows | None = None,
    ) -> None:
        """Plan the batches.

        Args:
            labels: Whole numbers ``(n,)``, the class of each training image.
            batch_size: Images in a batch; the last of an epoch may have fewer.
            seed: 0 or more.
            class_weights: float32 ``(classes,)``, or ``None`` for no weights.
            drop_remainder: Leave out a smaller last batch, unless it is the only one.
            augmentation: What changes the images, or ``None`` for nothing.
            class_count: Number of classes; needed where the augmentation mixes labels.
            streamed: What the indices name, where it does not lie on the device.
        """
        super().__init__(len(labels), batch_size, drop_remainder, streamed)
        self.labels = labels.astype(np.int32)
        self.seed = seed
        self.class_weights = class_weights
        self.augmentation = augmentation
        self.class_count = class_count

    def _draw(self, epoch: int) -> dict[str, np.ndarray]:
        def draw(index: np.ndarray) -> Draws:
            return self.augmentation.draw(epoch, index) if self.augmentation else {}

        order = order_of_epoch(self.seed, epoch, len(self.labels))
        return self._collect(order, self.labels[order], draw)


def build_batches(
    config: Config, data: TrainingData, streamed: InputRows | None = None
) -> TrainingBatches:
    """The batches of a training, with the augmentation of its config.

    Args:
        config: Its ``data`` and ``training``.
        data: The images.
        streamed: The :func:`input_rows`, where they do not lie on the device.
    """
    settings, split = config.training, data.split
    return TrainingBatches(
        split.labels,
        settings.batch_size,
        settings.seed,
        data.class_weights,
        settings.drop_remainder,
        build_config_augmentation(config, data),
        data.class_count,
        streamed,
    )


def build_config_augmentation(
    config: Config, data: TrainingData
) -> Augmentation | None:
    """The augmentation of a config; ``None`` for none."""
    return build_augmentation(
        config.data.augmentation,
        config.training.seed,
        len(data.split.labels),
        data.split.images.shape[1:3],
    )


def input_rows(data: TrainingData) -> InputRows:
    """The images to learn from and behind them those to validate by, as uint8.

    Raises:
        DataError: The file that they lie in is not there any more.
    """
    splits = [data.split] if data.validation is None else [data.split, data.validation]
    return InputRows([split.images for split in splits])


class ValidationBatches(Batches):
    """The batches to validate by, as indices into :func:`input_rows`: of epoch 0."""

    def __init__(
        self,
        first: int,
        labels: np.ndarray,
        augmentation: Augmentation | None,
        streamed: InputRows | None = None,
        batch_size: int = EVALUATION_BATCH_SIZE,
    ) -> None:
        """Plan the batches.

        Args:
            first: Index of the first image.
            labels: Whole numbers ``(n,)``, the class of each.
            augmentation: Of the training, whose draws the model takes in any case.
            streamed: What the indices name, where it does not lie on the device.
            batch_size: How many images at once.
        """
        super().__init__(len(labels), batch_size, streamed=streamed)
        self.first = first
        self.labels = labels.astype(np.int32)
        self.augmentation_of_training = augmentation

    def _draw(self, epoch: int) -> dict[str, np.ndarray]:
        changes = self.augmentation_of_training

        def draw(index: np.ndarray) -> Draws:
            return changes.draw_nothing(*index.shape) if changes else {}

        order = np.arange(self.first, self.first + len(self.labels), dtype=np.int32)
        return self._collect(order, self.labels, draw)


def validation_batches(
    data: TrainingData,
    augmentation: Augmentation | None,
    streamed: InputRows | None = None,
    batch_size: int = EVALUATION_BATCH_SIZE,
) -> ValidationBatches | None:
    """The batches that a training validates by, if it does.

    Args:
        data: The images.
        augmentation: Of the training.
        streamed: The :func:`input_rows`, where they do not lie on the device.
        batch_size: How many images at once.
    """
    if data.validation is None:
        return None
    labels = data.validation.labels
    return ValidationBatches(
        len(data.split.labels), labels, augmentation, streamed, batch_size
    )
