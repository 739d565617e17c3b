"""Max pooling whose gradient is found by comparison, for steps that XLA compiles.

XLA computes Keras's gradient by scattering: it finds the largest value of each window
again, and adds to its place. On a GPU that is one of the dearer parts of a step, and on
a CPU it takes five times as long as this. Where no two windows share a value, all of
them can be compared with the largest instead.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from cifarcnn.network.training_layers import ActivatedMaxPooling2D


class ComparedMaxPooling2D(ActivatedMaxPooling2D):
    """Max pooling, then an activation, of ``(b, height, width, channels)``.

    Only for windows that do not overlap (:func:`has_separate_windows`). Values and
    gradients are those of Keras's layer under XLA: of equal values the first one of a
    window, row by row, has the gradient.
    """

    def call(self, inputs: Any) -> Any:
        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def pool(maps: Any) -> Any:
            largest = keras.layers.MaxPooling2D.call(self, maps)

            def gradient(upstream: Any) -> Any:
                return spread_gradient(maps, largest, upstream, self.pool_size)

            return largest, gradient

        return self.activation(pool(inputs))


def has_separate_windows(layer: Any) -> bool:
    """Whether no value belongs to two windows, and none of them is filled up.

    Args:
        layer: From ``config.layers.pooling``.
    """
    strides = layer.strides or layer.pool_size
    return bool(layer.padding == "valid" and strides == layer.pool_size)


def spread_gradient(
    maps: Any, largest: Any, upstream: Any, window: tuple[int, int]
) -> Any:
    """The gradient of ``maps`` from that of the largest value of each window.

    Args:
        maps: ``(b, height, width, channels)``.
        largest: ``(b, height // rows, width // columns, channels)``.
        upstream: The gradient of ``largest``.
        window: Rows and columns.

    Returns:
        Of the shape of ``maps``; zero at the edges that no window reaches.
    """
    (rows, columns), (_, height, width, channels) = window, maps.shape
    down, across = height // rows, width // columns
    inner = maps[:, : down * rows, : across * columns]
    # b, windows down, rows of one, windows across, columns of one, channels.
    windows = ops.reshape(inner, (-1, down, rows, across, columns, channels))
    spread = (-1, down, 1, across, 1, channels)
    number = ops.reshape(ops.arange(rows * columns), (1, 1, rows, 1, columns, 1))
    equal = windows == ops.reshape(largest, spread)
    first = ops.min(
        ops.where(equal, number, rows * columns), axis=(2, 4), keepdims=True
    )
    found = ops.where(number == first, ops.reshape(upstream, spread), 0)
    found = ops.reshape(ops.cast(found, maps.dtype), ops.shape(inner))
    edges = ((0, 0), (0, height - down * rows), (0, width - across * columns), (0, 0))
    return ops.pad(found, edges)
