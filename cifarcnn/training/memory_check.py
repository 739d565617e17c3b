"""Whether a training step can fit into the memory, and what to try when it does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from math import prod

import keras

from cifarcnn.config import Config, summarize
from cifarcnn.config.datasets import ImageShape
from cifarcnn.config.summary import Row
from cifarcnn.engine import (
    Device,
    choose_precision,
    describe_out_of_memory,
    free_memory,
    is_out_of_memory,
)
from cifarcnn.errors import RunError
from cifarcnn.training.streaming import bytes_of_table
from cifarcnn.training.training_data import TrainingData

# A step takes up to so many times what it takes at least: 1.7 to 2.7 times with the
# shipped configs at batches from 64 to 16,384.
_MARGIN = 3
_WORTH_NAMING = 1e8


def require_memory(
    config: Config, data: TrainingData, device: Device, *, resumed: bool = False
) -> str | None:
    """See that a training step is not certain to take more memory than there is.

    Only for TensorFlow on a CPU, which crashes without a word where a GPU and other
    engines raise an exception.

    Args:
        config: The network and its batches.
        data: The images.
        device: What Keras was started on.
        resumed: Whether the batch size cannot change any more.

    Returns:
        A sentence where the memory may be too little; ``None`` where it is enough, or
        nothing is known.

    Raises:
        RunError: It is certain; the message has a batch size that fits.
    """
    free = free_memory()
    if free is None or device.kind != "cpu" or keras.config.backend() != "tensorflow":
        return None
    wide = choose_precision(config.training.precision, device) == "float32"
    images = min(config.training.batch_size, len(data.split.labels))
    rows = summarize(config).rows
    weights = least_bytes_of_weights(rows)
    each = least_bytes_of_image(config.image_shape, rows, 4 if wide else 2)
    needed = weights + images * each
    table = bytes_of_table(data, free)
    if _MARGIN * needed + table <= free:
        return None
    found = (
        f"The network with a batch of {images:,} pictures takes at least "
        f"{_describe(needed)} of memory in training, and {_describe(free)} are free."
    )
    fitting = max(free - table - _MARGIN * weights, 0) // (each * _MARGIN)
    way_out = _describe_way_out(min(fitting, images // 2), resumed)
    if needed > free:
        raise RunError(f"{found} {way_out}")
    if table > _WORTH_NAMING:
        found += f" The pictures take {_describe(table)} of them."
    return f"{found} If the process ends without a word, it was too little. {way_out}"


def least_bytes_of_image(shape: ImageShape, rows: list[Row], item_bytes: int) -> int:
    """What each image of a batch takes until the gradient is known, at least.

    Counted are images of ``shape`` and the outputs that are certain to be kept from
    the forward to the backward pass, ``item_bytes`` for each number.
    """
    values = prod(shape) + sum(prod(row.output_shape) for row in rows if row.kept)
    values += sum(row.kept_within for row in rows)
    return values * item_bytes


def least_bytes_of_weights(rows: list[Row]) -> int:
    """What the weights take, in the network and in what learns in its place."""
    return 2 * 4 * sum(row.parameters for row in rows)


@contextlib.contextmanager
def explain_out_of_memory(
    batch_size: int, *, on_gpu: bool = False, resumed: bool = False
) -> Iterator[None]:
    """Say what to do when an engine raises an exception for want of memory.

    Args:
        batch_size: Of the training.
        on_gpu: Whether a GPU computes.
        resumed: Whether the batch size cannot change any more.

    Raises:
        RunError: One was raised within the context.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        found = describe_out_of_memory(
            error, f"for a batch of {batch_size:,} pictures", on_gpu=on_gpu
        )
        raise RunError(
            f"{found} {_describe_way_out(batch_size // 2, resumed)}"
        ) from error


def _describe_way_out(batch_size: int, resumed: bool) -> str:
    if resumed:
        return (
            "The batch size of a training that goes on cannot change: free some "
            "memory, or go on on a machine with more."
        )
    if batch_size < 1:
        return "Use a smaller network, or a machine with more memory."
    largest = 1 << (batch_size.bit_length() - 1)
    return (
        f"Try --set training.batch_size={largest}, a smaller network, or a machine "
        "with more memory."
    )


def _describe(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"
