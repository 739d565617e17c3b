"""The numbers of consecutive steps in one block, which goes to the device at once.

A step takes its own there. Where the images lie on the device the block is a whole
epoch. Where they do not, a block holds images in place of indices, as many as some MB,
and the next one is read while the device computes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from cifarcnn.engine.device_arrays import hand_over
from cifarcnn.engine.distribution import current_distribution
from cifarcnn.training.input_rows import InputRows

# ``(steps, b)`` or ``(steps, b, ...)`` by name: ``index`` or ``inputs``, ``labels`` and
# the draws. And ``images`` ``(steps,)``, how many of a row are images: the others
# repeat these.
Numbers: TypeAlias = Mapping[str, Any]

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


class Blocks(ABC):
    """The blocks of every epoch.

    Any block of any epoch can be had at any time; there is no position to lose.

    Attributes:
        steps_per_epoch: How many batches there are.
        streamed: The images, where they do not lie on the device.
    """

    def __init__(
        self, steps_per_epoch: int, batch_size: int, streamed: InputRows | None
    ) -> None:
        """Plan the blocks.

        Args:
            steps_per_epoch: 1 or more.
            batch_size: Images in a batch.
            streamed: What the indices name, to be handed to the steps in their place.
        """
        self.steps_per_epoch = steps_per_epoch
        self.streamed = streamed
        self._batch_size = batch_size
        self._distribution = current_distribution()
        self._block_steps = steps_per_epoch
        if streamed is not None:
            fitting = BLOCK_BYTES // max(batch_size * streamed.row_bytes, 1)
            self._block_steps = min(max(fitting, 1), steps_per_epoch)
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
            inputs["inputs"] = self._stream(self.streamed, numbers.pop("index"))
        if end - step < self._block_steps:
            # All blocks have one shape, so that the steps are compiled once.
            rows = np.minimum(np.arange(self._block_steps), end - step - 1)
            numbers = {name: array[rows] for name, array in numbers.items()}
        place = ops.convert_to_tensor
        if self._distribution is not None:
            place = self._distribution.shard_steps
        placed = {name: place(array) for name, array in numbers.items()}
        return Block(placed | inputs, step, end)

    def _stream(self, rows: InputRows, index: np.ndarray) -> Any:
        """The rows of some steps on the device; of several, those of this host."""
        distribution = self._distribution
        if distribution is None:
            return hand_over(rows.take(index, self._block_steps))
        own = index[:, distribution.own_rows(self._batch_size)]
        taken = rows.take(own, self._block_steps)
        return distribution.shard_own(taken, self._batch_size)

    @abstractmethod
    def _draw(self, epoch: int) -> dict[str, np.ndarray]:
        """The numbers of an epoch, with ``index``."""
