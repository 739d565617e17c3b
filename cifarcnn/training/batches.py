"""What a training step is fed: image indices, labels, and augmentation draws."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from cifarcnn.engine.distribution import current_distribution
from cifarcnn.network.training_layers import BatchMask
from cifarcnn.training.augmentation.operation import Draws
from cifarcnn.training.augmentation.pipeline import Augmentation
from cifarcnn.training.blocks import Blocks, Numbers
from cifarcnn.training.input_rows import InputRows

Draw: TypeAlias = Callable[[np.ndarray], Draws]


class Batches(Blocks):
    """Images in batches of one size; the last one may have fewer.

    Attributes:
        batch_size: Images in each but the last; a multiple of the devices.
        smaller_last: Whether the last one has fewer.
    """

    augmentation: Augmentation | None = None
    class_weights: np.ndarray | None = None
    class_count = 0

    def __init__(
        self,
        count: int,
        batch_size: int,
        drop_remainder: bool = False,
        streamed: InputRows | None = None,
    ) -> None:
        """Plan the batches.

        Args:
            count: Number of images, 1 or more.
            batch_size: Images in a batch.
            drop_remainder: Leave out a smaller last batch, unless it is the only one.
            streamed: What the indices name, to be handed to the steps in their place.
        """
        distribution = current_distribution()
        devices = distribution.count if distribution else 1
        self.batch_size = ceil(min(batch_size, count) / devices) * devices
        full, rest = divmod(count, self.batch_size)
        self.smaller_last = bool(rest) and not (drop_remainder and full)
        super().__init__(full + self.smaller_last, self.batch_size, streamed)

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
            batch_mask.whole = ops.cast(rows < images, "float32")
            each = batch_mask.whole * batch_mask.scale()
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

    def _collect(
        self, order: np.ndarray, labels: np.ndarray, draw: Draw
    ) -> dict[str, np.ndarray]:
        """The numbers of an epoch.

        Args:
            order: int32 ``(n,)``, indices of images.
            labels: int32 ``(n,)``, their classes.
            draw: From indices ``(steps, b)`` to the draws for them.
        """
        size = self.batch_size
        end = len(order) // size * size
        # Draws may depend on the batch, so that the smaller one is no part of another.
        pieces = [slice(0, end), slice(end, None)][not end : 1 + self.smaller_last]
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
            name: np.concatenate([block[name] for block in blocks])
            for name in blocks[0]
        }
