"""Answers a batch at a time, all batches of one size, whatever computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def predict_in_batches(
    predict: Callable[[Array], Array],
    images: Array,
    batch_size: int,
    class_count: int,
    smallest: int = 1,
) -> Array:
    """The probabilities of every image.

    The last batch is filled up, so that a network is compiled or resized once, and an
    image's answer does not depend on how many others were asked about (to about 1e-7,
    what the order of sums leaves).

    Args:
        predict: Images to float32 ``(batch, classes)``.
        images: ``(n, height, width, 3)``, any ``n``, also 0.
        batch_size: How many at once; for fewer images the next power of two.
        class_count: Number of classes.
        smallest: A batch may be larger than fewer images need, up to this.

    Returns:
        float32 ``(n, classes)``, in the order of the images.
    """
    count = len(images)
    size = min(batch_size, max(smallest, 1 << max(count - 1, 0).bit_length()))
    result = np.empty((count, class_count), np.float32)
    for start in range(0, count, size):
        batch = images[start : start + size]
        filled = len(batch)
        if filled < size:
            padding = np.zeros((size - filled, *batch.shape[1:]), batch.dtype)
            batch = np.concatenate([batch, padding])
        result[start : start + filled] = predict(batch)[:filled]
    return result
