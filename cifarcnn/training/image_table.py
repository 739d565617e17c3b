"""The images of a training, on the device."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


class ImageTable(keras.layers.Layer):  # type: ignore[misc]
    """Gathers rows of a table of images, so that only indices travel to the device.

    Input shape: int32 ``(b,)``. Output shape: ``(b, ...)``, uint8 for images.
    """

    def __init__(self, images: np.ndarray) -> None:
        """Prepare the layer; uint8 ``(n, height, width, 3)`` go to the device once."""
        super().__init__(name="image_table")
        self.images = images

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight(
            shape=self.images.shape,
            dtype=self.images.dtype.name,
            initializer=lambda shape, dtype: ops.convert_to_tensor(self.images),
            trainable=False,
            autocast=False,
            name="table",
        )

    def call(self, index: Any) -> Any:
        return ops.take(self.table, index, axis=0)

    def compute_output_spec(self, index: Any) -> Any:
        return keras.KerasTensor(
            (*index.shape, *self.images.shape[1:]), dtype=self.images.dtype.name
        )
