"""Mean and deviation of the colours, for `normalization: standard`."""

from __future__ import annotations

import numpy as np

from cifarcnn.config import ChannelStatistics, Config
from cifarcnn.data.dataset import Dataset
from cifarcnn.errors import DataError

# Widened at a time: what a processor keeps near, and so few images that the squares of
# a pixel add up to less than 2**32.
_CHUNK_BYTES = 4 * 2**20
_MOST_IMAGES = 2**16


def measure_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour channel.

    The sums are whole numbers, so that the result does not depend on the machine or
    on the order of the images.

    Args:
        images: uint8 ``(n, height, width, 3)``, with n of at least 1; read in pieces.

    Returns:
        The means and the (population) deviations of red, green, blue, on pixels
        divided by 255.
    """
    sums = np.zeros(3, dtype=np.uint64)
    squares = np.zeros(3, dtype=np.uint64)
    count = images.size // 3
    step = min(max(_CHUNK_BYTES * len(images) // images.size, 1), _MOST_IMAGES)
    for start in range(0, len(images), step):
        # (images, height * width * 3): adding along the first axis is the fast way.
        chunk = images[start : start + step]
        chunk = chunk.reshape(len(chunk), -1).astype(np.uint32)
        sums += _add_up(chunk)
        chunk *= chunk
        squares += _add_up(chunk)
    # Python's own integers: no rounding before the root.
    total, square = sums.astype(object), squares.astype(object)
    variance = (square * count - total * total) / (count * count)
    return list(total / count / 255), list(variance**0.5 / 255)


def _add_up(chunk: np.ndarray) -> np.ndarray:
    columns = chunk.sum(axis=0, dtype=np.uint32).reshape(-1, 3)
    return np.asarray(columns.sum(axis=0, dtype=np.uint64))


def with_measured_normalization(config: Config, dataset: Dataset) -> Config:
    """The config with numbers in place of ``standard`` normalization.

    Raises:
        DataError: A colour channel is the same everywhere.
    """
    if config.data.normalization != "standard":
        return config
    images, _ = dataset.training(config.data.validation_fraction, config.training.seed)
    mean, deviation = measure_statistics(images.images)
    for channel, value in zip(("red", "green", "blue"), deviation, strict=True):
        if value == 0:
            raise DataError(
                f"The {channel} is the same everywhere in the training pictures, so "
                "that data.normalization: standard has no deviation to divide by. Set "
                "data.normalization: unit."
            )
    return config.with_normalization(ChannelStatistics(mean=mean, deviation=deviation))
