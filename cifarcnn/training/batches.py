"""What a training step is fed: image indices, labels, and augmentation draws.

Consecutive steps get theirs in one block, which goes to the device at once; a step
takes its own there. Where the images lie on the device the block is a whole epoch.
Where they do not, a block holds images in place of indices, as many as some MB, and the
next one is read while the device computes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from cifarcnn.engine.device_arrays import hand_over
from cifarcnn.network.training_layers import BatchMask
from cifarcnn.training.augmentation.operation import Draws
from cifarcnn.training.augmentation.pipeline import Augmentation
from cifarcnn.training.input_rows import InputRows

# ``(steps, b)`` or ``(steps, b, ...)`` by name: ``index`` or ``inputs``, ``labels`` and
# the draws. And ``images`` ``(steps,)``, how many of a row are images: the others
# repeat these.
Numbers: TypeAlias = Mapping[str, Any]
Draw: TypeAlias = Callable[[np.ndarray], Draws]

# Of the inputs in a block: large beside what a block costs, and small beside what steps
# take. One is in use, one lies ready, and as many for the validation.
BLOCK_BYTES = 32_000_000


@dataclass(frozen=True)
class Block:
    """Consecutive steps of an epoch.

    Attributes:
        numbers: Of these steps, as tensors on the device.
        first: The first of the steps, counted from 0 in the epoch.
        end: The step behind the last one.
    """

    numbers: Numbers
    first: int
    end: int


class Batches(ABC):
    """Images in batches of one size; the last one may have fewer.

    Any block of any epoch can be had at any time; there is no position to lose.

    Attributes:
        steps_per_epoch: How many batches there are.
        batch_size: Images in each but the last.
        smaller_last: Whether the last one has fewer.
        streamed: The images, where they do not lie on the device.
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
        self.batch_size = min(batch_size, count)
        full, rest = divmod(count, self.batch_size)
        self.smaller_last = bool(rest) and not drop_remainder
        self.steps_per_epoch = full + self.smaller_last
        self.streamed = streamed
        self._block_steps = self.steps_per_epoch
        if streamed is not None:
            fitting = BLOCK_BYTES // max(self.batch_size * streamed.row_bytes, 1)
            self._block_steps = min(max(fitting, 1), self.steps_per_epoch)
        self._drawn: tuple[int, dict[str, np.ndarray]] | None = None
        self._ahead: tuple[tuple[int, int], Future[Block]] | None = None
        self._thread = ThreadPoolExecutor(1, "next block")

    def blocks(self, epoch: int, step: int, then: int | None) -> Iterator[Block]:
        """The blocks of an epoch from a step on, each read beside the one before.

        Args:
            epoch: Counted from 0.
            step: Counted from 0.
            then: The epoch to read beside the last block; ``None`` for none.

        Raises:
            DataError: The images cannot be read any more.
        """
        while step < self.steps_per_epoch:
            block = self.block(epoch, step)
            step = block.end
            if step < self.steps_per_epoch:
                self._read_ahead(epoch, step)
            elif then is not None:
                self._read_ahead(then, 0)
            yield block

    def block(self, epoch: int, step: int) -> Block:
        """The block that begins with a step.

        Raises:
            DataError: The images cannot be read any more.
        """
        return self._read_ahead(epoch, step).result()

    def close(self) -> None:
        """End the thread that reads ahead; what it read is given away."""
        self._ahead = self._drawn = None
        self._thread.shutdown(cancel_futures=True)

    def _read_ahead(self, epoch: int, step: int) -> Future[Block]:
        place = epoch, step
        if self._ahead is None or self._ahead[0] != place:
            self._ahead = place, self._thread.submit(self._read, epoch, step)
        return self._ahead[1]

    def _read(self, epoch: int, step: int) -> Block:
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = epoch, self._draw(epoch)
        end = min(step + self._block_steps, self.steps_per_epoch)
        numbers = {name: array[step:end] for name, array in self._drawn[1].items()}
        inputs = {}
        if self.streamed is not None:
            taken = self.streamed.take(numbers.pop("index"), self._block_steps)
            inputs["inputs"] = hand_over(taken)
        if end - step < self._block_steps:
            # All blocks have one shape, so that the steps are compiled once.
            rows = np.minimum(np.arange(self._block_steps), end - step - 1)
            numbers = {name: array[rows] for name, array in numbers.items()}
        placed = {name: ops.convert_to_tensor(array) for name, array in numbers.items()}
        return Block(placed | inputs, step, end)

    @abstractmethod
    def _draw(self, epoch: int) -> dict[str, np.ndarray]:
        """The numbers of an epoch, with ``index``."""

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
            name: np.concatenate([block[name] for block in blocks])
            for name in blocks[0]
        }
