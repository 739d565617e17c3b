"""Several views of an image, answered together: test-time augmentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cifarcnn.literals import Views

Array = np.ndarray[Any, Any]


def average_views(
    predict: Callable[[Array], Array], images: Array, views: Views
) -> Array:
    """The probabilities of images, from several views of each.

    The logits of the views are averaged, as airbench does (K. Jordan, "94% on CIFAR-10
    in 3.29 seconds on a single GPU", 2024, section 3.5): the logarithms of the
    probabilities are the logits but for a number that is the same for all classes.

    Args:
        predict: uint8 ``(n, height, width, 3)`` to probabilities ``(n, classes)``;
            called once for each view.
        images: uint8 ``(n, height, width, 3)``.
        views: ``mirror`` adds the mirrored images with half of the weight;
            ``mirror_and_shift`` leaves half of that to the images and their mirror
            images shifted by a pixel up-left and down-right, reflected at the border.

    Returns:
        float32 ``(n, classes)``, each row adding up to 1.
    """
    if views == "none":
        return predict(images)
    total: Any = 0.0
    for weight, view in views_of(images, views):
        probabilities = predict(view).astype(np.float64)
        smallest = np.finfo(np.float32).tiny
        total = total + weight * np.log(np.maximum(probabilities, smallest))
    powers = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def views_of(images: Array, views: Views) -> Iterator[tuple[float, Array]]:
    """Each view with its weight; the weights add up to 1.

    Args:
        images: ``(n, height, width, channels)``.
        views: As for :func:`average_views`.
    """
    sources = [(1.0, images)]
    if views == "mirror_and_shift":
        padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        up_left, down_right = padded[:, 2:, 2:], padded[:, :-2, :-2]
        sources = [(0.5, images), (0.25, up_left), (0.25, down_right)]
    for weight, source in sources:
        if views == "none":
            yield weight, source
        else:
            yield weight / 2, source
            yield weight / 2, np.ascontiguousarray(source[:, :, ::-1])
