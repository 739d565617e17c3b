"""One way through the network for everything that asks it for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cifarcnn.config import Views
from cifarcnn.config.summary import EVALUATION_BATCH_SIZE
from cifarcnn.network.test_time_augmentation import average_views

if TYPE_CHECKING:
    import keras
    import numpy as np


def predict_probabilities(
    model: keras.Model,
    images: np.ndarray[Any, Any],
    batch_size: int = EVALUATION_BATCH_SIZE,
    views: Views = "none",
) -> np.ndarray[Any, Any]:
    """The probabilities of every image, from one view of it or from several.

    Args:
        model: uint8 ``(n, 32, 32, 3)`` to probabilities ``(n, classes)``.
        images: uint8 ``(n, 32, 32, 3)``, any ``n``, also 0.
        batch_size: How many at once; for fewer images the next power of two.
        views: What the answers rest on (``evaluation.test_time_augmentation``).

    Returns:
        float32 ``(n, classes)``, in the order of the images.
    """
    return average_views(
        lambda seen: _predict_as_they_are(model, seen, batch_size), images, views
    )


def _predict_as_they_are(
    model: keras.Model, images: np.ndarray[Any, Any], batch_size: int
) -> np.ndarray[Any, Any]:
    """The probabilities of every image as it is.

    Batches always have the same size, the last one being filled up, so that the
    network is compiled once and an image's answer does not depend on how many others
    were asked about (to about 1e-7, what the order of sums leaves).
    """
    import keras
    import numpy as np

    if keras.backend.backend() == "tensorflow" and not model.compiled:
        # Left to itself a model that was never compiled takes XLA, which costs seconds
        # per process and is the slower one on a CPU.
        model.jit_compile = False
    count = len(images)
    size = min(batch_size, 1 << max(count - 1, 0).bit_length())
    result = np.empty((count, model.output_shape[-1]), np.float32)
    for start in range(0, count, size):
        batch = images[start : start + size]
        filled = len(batch)
        if filled < size:
            padding = np.zeros((size - filled, *batch.shape[1:]), batch.dtype)
            batch = np.concatenate([batch, padding])
        result[start : start + filled] = model.predict_on_batch(batch)[:filled]
    return result
