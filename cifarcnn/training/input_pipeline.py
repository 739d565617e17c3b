"""What a training step is fed: image indices, labels, and augmentation draws.

The numbers of a whole epoch go to the device at once; a step takes its own there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from cifarcnn.config import Config
from cifarcnn.config.summary import EVALUATION_BATCH_SIZE
from cifarcnn.network.training_layers import BatchMask
from cifarcnn.training.augmentation.operation import Draws
from cifarcnn.training.augmentation.pipeline import Augmentation, build_augmentation
from cifarcnn.training.batch_order import order_of_epoch
from cifarcnn.training.training_data import TrainingData

# ``(steps, b)`` or ``(steps, b, k)`` by name, as tensors on the device: ``index``,
# ``labels`` and the draws. And ``images`` ``(steps,)``, how many of a row are images:
# the others repeat these.
Numbers: TypeAlias = Mapping[str, Any]
Draw: TypeAlias = Callable[[np.ndarray], Draws]


class Batches:
    """Images in batches of one size; the last one may have fewer.

    Attributes:
        steps_per_epoch: How many batches there are.
        batch_size: Images in each but the last.
        smaller_last: Whether the last one has fewer.
    """

    augmentation: Augmentation | None = None
    class_weights: np.ndarray | None = None
    class_count = 0

    def __init__(
        self, count: int, batch_size: int, drop_remainder: bool = False
    ) -> None:
        """Plan the batches.

        Args:
            count: Number of images, 1 or more.
            batch_size: Images in a batch.
            drop_remainder: Leave out a smaller last batch, unless it is the only one.
        """
        self.batch_size = min(batch_size, count)
        full, rest = divmod(count, self.batch_size)
        self.smaller_last = bool(rest) and not drop_remainder
        self.steps_per_epoch = full + self.smaller_last

    def read(
        self, numbers: Numbers, step: Any, batch_mask: BatchMask | None = None
    ) -> tuple[Any, ...]:
        """One batch in the form that a step of Keras takes: ``keras.ops`` alone.

        Args:
            numbers: Of an epoch.
            step: int32, counted from 0.
            batch_mask: Is told which rows count, where the last batch shall have as
                many as the others. ``None``: it has fewer.

        Returns:
            Inputs, labels int32 ``(b,)`` or where they are mixed float32
            ``(b, classes)``, and with weights or a mask float32 ``(b,)``.
        """
        inputs = {name: array[step] for name, array in numbers.items()}
        images = inputs.pop("images")
        each = None
        if self.smaller_last and batch_mask is not None:
            rows = ops.arange(self.batch_size, dtype="int32")
            batch_mask.images = ops.cast(rows < images, "float32")
            each = batch_mask.images * batch_mask.scale()
        elif self.smaller_last:
            inputs = {name: array[:images] for name, array in inputs.items()}
        labels = inputs.pop("labels")
        if self.augmentation is not None and self.augmentation.mixes_labels:
            labels = self.augmentation.mix_labels(labels, self.class_count, inputs)
        if self.class_weights is not None:
            weights = ops.convert_to_tensor(self.class_weights)
            if len(labels.shape) == 1:
                weights = ops.take(weights, labels)
            else:
                # Not as a product of matrices, which a GPU would round.
                weights = ops.sum(labels * weights, axis=-1)
            each = weights if each is None else each * weights
        return (inputs, labels) if each is None else (inputs, labels, each)

    def _collect(self, order: np.ndarray, labels: np.ndarray, draw: Draw) -> Numbers:
        """The numbers of an epoch, on the device.

        Args:
            order: int32 ``(n,)``, indices of images.
            labels: int32 ``(n,)``, their classes.
            draw: From indices ``(steps, b)`` to the draws for them.
        """
        size = self.batch_size
        end = len(order) // size * size
        # Draws may depend on the batch, so that the smaller one is no part of another.
        pieces = [slice(0, end), slice(end, None)][: 1 + self.smaller_last]
        blocks = []
        for piece in pieces:
            index = order[piece].reshape(-1, min(size, len(order[piece])))
            block = {"index": index, "labels": labels[piece].reshape(index.shape)}
            block |= draw(index)
            # A row that is too short begins again where it ends.
            places = np.arange(size) % index.shape[1]
            filled = {name: array[:, places] for name, array in block.items()}
            filled["images"] = np.full(len(index), index.shape[1], np.int32)
            blocks.append(filled)
        return {
            name: ops.convert_to_tensor(np.concatenate([b[name] for b in blocks]))
            for name in blocks[0]
        }


class TrainingBatches(Batches):
    """The batches of every epoch, as indices into the training images.

    Any epoch can be had at any time; there is no position to lose.
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
        super().__init__(len(labels), batch_size, drop_remainder)
        self.labels = labels.astype(np.int32)
        self.seed = seed
        self.class_weights = class_weights
        self.augmentation = augmentation
        self.class_count = class_count
        self._ahead: tuple[int, Future[Numbers]] | None = None
        self._thread = ThreadPoolExecutor(1, "next epoch")

    def numbers(self, epoch: int) -> Numbers:
        """The numbers of an epoch, counted from 0."""
        if self._ahead is not None and self._ahead[0] == epoch:
            return self._ahead[1].result()
        return self._draw(epoch)

    def draw_ahead(self, epoch: int) -> None:
        """Draw the numbers of an epoch beside what else is done."""
        self._ahead = (epoch, self._thread.submit(self._draw, epoch))

    def close(self) -> None:
        """End the thread that draws ahead; what it drew is given away."""
        self._ahead = None
        self._thread.shutdown(cancel_futures=True)

    def _draw(self, epoch: int) -> Numbers:
        def draw(index: np.ndarray) -> Draws:
            return self.augmentation.draw(epoch, index) if self.augmentation else {}

        order = order_of_epoch(self.seed, epoch, len(self.labels))
        return self._collect(order, self.labels[order], draw)


def build_batches(config: Config, data: TrainingData) -> TrainingBatches:
    """The batches of a training, with the augmentation of its config."""
    settings, split = config.training, data.split
    return TrainingBatches(
        split.labels,
        settings.batch_size,
        settings.seed,
        data.class_weights,
        settings.drop_remainder,
        build_config_augmentation(config, data),
        data.class_count,
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


def stack_images(data: TrainingData) -> np.ndarray:
    """The images to learn from and behind them those to validate by, as uint8."""
    if data.validation is None:
        return data.split.images
    return np.concatenate([data.split.images, data.validation.images])


class ValidationBatches(Batches):
    """The batches to validate by, as indices into :func:`stack_images`.

    Attributes:
        numbers: Of all of them.
    """

    def __init__(
        self, first: int, labels: np.ndarray, augmentation: Augmentation | None
    ) -> None:
        """Plan the batches.

        Args:
            first: Index of the first image.
            labels: Whole numbers ``(n,)``, the class of each.
            augmentation: Of the training, whose draws the model takes in any case.
        """
        super().__init__(len(labels), EVALUATION_BATCH_SIZE)

        def draw(index: np.ndarray) -> Draws:
            return augmentation.draw_nothing(*index.shape) if augmentation else {}

        index = np.arange(first, first + len(labels), dtype=np.int32)
        self.numbers = self._collect(index, labels.astype(np.int32), draw)


def validation_batches(
    data: TrainingData, augmentation: Augmentation | None
) -> ValidationBatches | None:
    """The batches that a training validates by, if it does."""
    if data.validation is None:
        return None
    labels = data.validation.labels
    return ValidationBatches(len(data.split.labels), labels, augmentation)
