"""Mean and deviation of the colours, for `normalization: standard`."""

from __future__ import annotations

import numpy as np

from cifarcnn.config import ChannelStatistics, Config
from cifarcnn.data.dataset import Dataset
from cifarcnn.errors import DataError

_CHUNK = 4096  # images widened at a time: 48 MiB


def measure_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour channel.

    The sums are whole numbers, so that the result does not depend on the machine or
    on the order of the images.

    Args:
        images: uint8 ``(n, height, width, 3)``, with n of at least 1.

    Returns:
        The means and the (population) deviations of red, green, blue, on pixels
        divided by 255.
    """
    sums = np.zeros(3, dtype=np.uint64)
    squares = np.zeros(3, dtype=np.uint64)
    for start in range(0, len(images), _CHUNK):
        # (images, height * width * 3): adding along the first axis is the fast way.
        chunk = images[start : start + _CHUNK]
        chunk = chunk.reshape(len(chunk), -1).astype(np.uint32)
        sums += chunk.sum(axis=0, dtype=np.uint64).reshape(-1, 3).sum(axis=0)
        chunk *= chunk
        squares += chunk.sum(axis=0, dtype=np.uint64).reshape(-1, 3).sum(axis=0)
    count = images.size // 3
    # Python's own integers: no rounding before the root.
    total, square = sums.astype(object), squares.astype(object)
    variance = (square * count - total * total) / (count * count)
    return list(total / count / 255), list(variance**0.5 / 255)


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
