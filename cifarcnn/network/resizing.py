"""Resizing of maps by matrices, for training steps on TensorFlow.

XLA computes TensorFlow's bilinear resizing wrongly where maps are made an odd number of
times as large (errors as large as the values; TensorFlow 2.21), and does not know its
nearest neighbours. Products with constant matrices are right everywhere, and their
gradient takes a third of the time of TensorFlow's on a CPU.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from cifarcnn.config.layers import AnyLayer
from cifarcnn.config.layers.pooling import Resizing, UpSampling2D

Array = np.ndarray[Any, Any]


class MatrixResizing(keras.layers.Resizing):  # type: ignore[misc]
    """The same of ``(b, height, width, channels)`` as Keras's layer."""

    def call(self, inputs: Any, training: bool = True) -> Any:
        return resize(inputs, (self.height, self.width), self.interpolation)


class MatrixUpSampling2D(keras.layers.UpSampling2D):  # type: ignore[misc]
    """The same of ``(b, height, width, channels)`` as Keras's layer."""

    def call(self, inputs: Any) -> Any:
        height, width = inputs.shape[1] * self.size[0], inputs.shape[2] * self.size[1]
        return resize(inputs, (height, width), self.interpolation)


def find_matrix_layer(layer: AnyLayer) -> Any:
    """What takes the place of Keras's layer; None where that one is to be used."""
    if keras.backend.backend() != "tensorflow":
        return None
    if isinstance(layer, Resizing):
        return MatrixResizing
    is_bilinear = isinstance(layer, UpSampling2D) and layer.interpolation == "bilinear"
    return MatrixUpSampling2D if is_bilinear else None


def resize(maps: Any, size: tuple[int, int], interpolation: str) -> Any:
    """Maps ``(b, height, width, channels)`` brought to ``size``, in float32 within."""
    _, height, width, channels = maps.shape
    rows = ops.convert_to_tensor(interpolation_matrix(height, size[0], interpolation))
    columns = ops.convert_to_tensor(interpolation_matrix(width, size[1], interpolation))
    wide = ops.matmul(columns, ops.cast(maps, "float32"))
    rowwise = ops.reshape(wide, (-1, height, size[1] * channels))
    return ops.cast(
        ops.reshape(ops.matmul(rows, rowwise), (-1, *size, channels)), maps.dtype
    )


def interpolation_matrix(before: int, after: int, interpolation: str) -> Array:
    """float32 ``(after, before)``: how much of each cell is in each of the new ones.

    The values lie in the middle of the cells, and go on beyond the border as they are
    there (``tf.image.resize``, without antialiasing).

    Args:
        before: How many cells there are.
        after: How many there shall be.
        interpolation: ``bilinear`` or ``nearest``.
    """

    def rows_of_one(cells: Array) -> Array:
        numbers = cells.astype(int).clip(0, before - 1)
        rows: Array = np.eye(before, dtype=np.float32)[numbers]
        return rows

    # In float32 as there, where the middle may lie between two cells.
    middles = np.arange(after, dtype=np.float32) + np.float32(0.5)
    middles *= np.float32(before) / np.float32(after)
    if interpolation == "nearest":
        return rows_of_one(np.floor(middles))
    middles -= np.float32(0.5)
    first = np.floor(middles)
    share = (middles - first)[:, None]
    result: Array = (1 - share) * rows_of_one(first) + share * rows_of_one(first + 1)
    return result
