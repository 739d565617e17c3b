"""Initial values of filters that Keras has no initializer for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cifarcnn.config.initializers import Identity, Whitening
from cifarcnn.config.layers import AnyLayer, flatten_layers
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.data.selected_rows import select_rows
from cifarcnn.network.weights import to_numpy

Array = np.ndarray[Any, Any]

# Pixels whose windows are held at a time: about 50 MB for windows of 3x3.
_CHUNK_PIXELS = 500 * 1024


def set_identities(model: keras.Model, layers: Sequence[AnyLayer]) -> None:
    """Set the filters of the layers whose config says ``Identity``."""
    for layer in flatten_layers(list(layers)):
        if isinstance(layer, Conv2D) and isinstance(layer.kernel_initializer, Identity):
            kernel = model.get_layer(layer.name).kernel
            kernel.assign(with_identity(to_numpy(kernel)))


def with_identity(kernel: Array) -> Array:
    """The same filters, the first of which pass one channel each on.

    Filter ``i`` is 1 at its middle in channel ``i`` and 0 elsewhere, for as many as
    there are both filters and channels (``torch.nn.init.dirac_`` on a part, as in
    K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.2).

    Args:
        kernel: ``(height, width, channels, filters)``; of an even size the middle is
            the earlier of both, which the padding ``same`` leaves in its place.
    """
    height, width, channels, filters = kernel.shape
    kernel = kernel.copy()
    for number in range(min(channels, filters)):
        kernel[:, :, :, number] = 0
        kernel[(height - 1) // 2, (width - 1) // 2, number, number] = 1
    return kernel


def set_whitening(
    model: keras.Model,
    layers: Sequence[AnyLayer],
    images: Array,
    scale: Any,
    offset: Any,
) -> None:
    """Set the filters of the first layer if its config says ``Whitening``.

    Args:
        model: From ``build_model``.
        layers: Of its config.
        images: Of the training, uint8 ``(n, height, width, 3)``; the first are used.
        scale: With ``offset``: the layer sees ``scale * pixel + offset``.
        offset: Numbers for red, green and blue, or one for all.
    """
    layer = layers[0]
    initializer = getattr(layer, "kernel_initializer", None)
    if not isinstance(layer, Conv2D) or not isinstance(initializer, Whitening):
        return
    covariance = covariance_of_windows(
        select_rows(images, np.arange(min(len(images), initializer.pictures))),
        layer.kernel_size,
        np.asarray(scale, np.float32),
        np.asarray(offset, np.float32),
    )
    kernel = model.get_layer(layer.name).kernel
    kernel.assign(with_whitening(to_numpy(kernel), covariance, initializer.epsilon))


def covariance_of_windows(
    images: Array, size: tuple[int, int], scale: Array, offset: Array
) -> Array:
    """Mean products of the values within a window, whose mean is not subtracted.

    Args:
        images: uint8 ``(n, height, width, channels)``.
        size: Height and width of the windows, which are taken everywhere.
        scale: The values are ``scale * pixel + offset``.
        offset: A number, or one for each channel.

    Returns:
        float64 ``(d, d)``; ``d`` counts rows, columns and channels of a window, the
        channels fastest.
    """
    values = size[0] * size[1] * images.shape[-1]
    total, count = np.zeros((values, values)), 0
    size_of_chunk = max(_CHUNK_PIXELS // (images.shape[1] * images.shape[2]), 1)
    for first in range(0, len(images), size_of_chunk):
        chunk = images[first : first + size_of_chunk].astype(np.float32)
        chunk = chunk * scale + offset
        windows = sliding_window_view(chunk, size, axis=(1, 2))
        # (n, y, x, channel, row, column) to one row for each window.
        rows = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, values)
        total += rows.T @ rows
        count += len(rows)
    return total / max(count, 1)


def with_whitening(kernel: Array, covariance: Array, epsilon: float) -> Array:
    """The same filters, the first of which whiten.

    Filter ``i`` is the eigenvector of the ``i``-th largest eigenvalue ``v``, divided
    by ``sqrt(v + epsilon)``; after them come their negatives, as far as there are
    filters (D. Page, "How to train your ResNet 8: bag of tricks", 2019; negatives by
    airbench). The largest number of an eigenvector is made positive, so that every
    machine finds the same.

    Args:
        kernel: ``(height, width, channels, filters)``.
        covariance: ``(d, d)`` as :func:`covariance_of_windows` gives it.
        epsilon: Above 0.
    """
    eigenvalues, vectors = np.linalg.eigh(covariance)
    vectors = vectors.T[::-1]
    largest = np.abs(vectors).argmax(axis=1)
    vectors *= np.sign(vectors[np.arange(len(vectors)), largest])[:, None]
    # Rounding may leave the smallest a little below 0.
    scales = np.sqrt(np.maximum(eigenvalues[::-1], 0) + epsilon)
    rows = vectors / scales[:, None]
    filters = np.concatenate([rows, -rows])[: kernel.shape[-1]]
    kernel = kernel.copy()
    kernel[..., : len(filters)] = filters.T.reshape(*kernel.shape[:3], -1)
    return kernel
