"""What ``fit`` is fed: batches of image indices, labels, and augmentation draws."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from cifarcnn.config import Config
from cifarcnn.training.augmentation.pipeline import Augmentation, build_augmentation
from cifarcnn.training.batch_order import order_of_epoch
from cifarcnn.training.training_data import TrainingData


class TrainingBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of every epoch, as indices into the training images.

    Any batch of any epoch can be had at any time; there is no position to lose. Keras
    reads ahead, asks for the length once per ``fit``, and makes the reader of each
    epoch after the callbacks heard ``on_epoch_begin``: there ``epoch`` must be set.

    Attributes:
        epoch: Which one is read, counted from 0.
        first_step: Where it begins; the steps before are done.
    """

    def __init__(
        self,
        labels: np.ndarray,
        batch_size: int,
        seed: int,
        class_weights: np.ndarray | None = None,
        drop_remainder: bool = False,
        augmentation: Augmentation | None = None,
        class_count: int = 0,
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
        """
        super().__init__()
        self.labels = labels.astype(np.int32)
        self.batch_size = batch_size
        self.seed = seed
        self.class_weights = class_weights
        self.augmentation = augmentation
        self.class_count = class_count
        full, rest = divmod(len(labels), batch_size)
        # The partial last one included, unless it is dropped.
        self.steps_per_epoch = full + bool(rest and not (full and drop_remainder))
        self.epoch = self.first_step = 0
        self._order = (-1, np.empty(0, dtype=np.int32))

    def __len__(self) -> int:
        return self.steps_per_epoch - self.first_step

    def __getitem__(self, step: int) -> tuple[Any, ...]:
        return self.batch(self.epoch, self.first_step + step)

    def batch(self, epoch: int, step: int) -> tuple[Any, ...]:
        """One batch in the form that ``fit`` takes.

        Args:
            epoch: Counted from 0.
            step: Counted from 0, less than ``steps_per_epoch``.

        Returns:
            Inputs, labels int32 ``(b,)`` or where they are mixed float32
            ``(b, classes)``, and with class weights float32 ``(b,)``.
        """
        start = step * self.batch_size
        index = self._order_of(epoch)[start : start + self.batch_size]
        labels = self.labels[index]
        inputs = {"index": index}
        weights = self.class_weights
        each = None if weights is None else weights[labels]
        if self.augmentation is not None:
            inputs |= self.augmentation.draw(epoch, index)
            if self.augmentation.mixes_labels:
                labels = self.augmentation.mix_labels(labels, self.class_count, inputs)
                each = None if weights is None else labels @ weights
        return (inputs, labels) if each is None else (inputs, labels, each)

    def _order_of(self, epoch: int) -> np.ndarray:
        # One assignment of one tuple, because Keras asks from a thread of its own.
        known, order = self._order
        if known != epoch:
            order = order_of_epoch(self.seed, epoch, len(self.labels))
            self._order = (epoch, order)
        return order


def build_batches(config: Config, data: TrainingData) -> TrainingBatches:
    """The batches of a training, with the augmentation of its config."""
    settings, split = config.training, data.split
    return TrainingBatches(
        split.labels,
        settings.batch_size,
        settings.seed,
        data.class_weights,
        settings.drop_remainder,
        build_augmentation(
            config.data.augmentation,
            settings.seed,
            len(split.labels),
            split.images.shape[1:3],
        ),
        data.class_count,
    )


def stack_images(data: TrainingData) -> np.ndarray:
    """The images to learn from and behind them those to validate by, as uint8."""
    if data.validation is None:
        return data.split.images
    return np.concatenate([data.split.images, data.validation.images])


def validation_inputs(
    data: TrainingData, augmentation: Augmentation | None
) -> tuple[Any, Any] | None:
    """Indices into :func:`stack_images`, and labels, in the form ``fit`` takes."""
    if data.validation is None:
        return None
    first, count = len(data.split.labels), len(data.validation.labels)
    inputs = {"index": np.arange(first, first + count, dtype=np.int32)}
    if augmentation is not None:
        inputs |= augmentation.draw_nothing(count)
    return inputs, data.validation.labels.astype(np.int32)
