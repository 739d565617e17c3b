"""The inputs of a training, on the device."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from cifarcnn.engine.device_arrays import join_rows
from cifarcnn.engine.distribution import current_distribution
from cifarcnn.training.input_rows import InputRows


class InputTable(keras.layers.Layer):  # type: ignore[misc]
    """Gathers rows of a table, so that only their numbers travel to the device.

    Input shape: int32 ``(b,)``. Output shape: ``(b, ...)``, rows as they are, such as
    images uint8 ``(b, height, width, 3)``.
    """

    def __init__(self, rows: InputRows) -> None:
        """Prepare the layer; the rows go to the device once, some at a time."""
        super().__init__(name="input_table")
        self.rows = rows

    def build(self, input_shape: Any) -> None:
        rows = self.rows
        settings = {
            "dtype": rows.dtype.name,
            "trainable": False,
            "autocast": False,
            "name": "table",
        }

        def join(*_: Any, **__: Any) -> Any:
            return join_rows(rows.shape, rows.dtype, rows.pieces())

        if current_distribution() is None:
            self.table = self.add_weight(rows.shape, initializer=join, **settings)
        else:
            # A table of more than 60 MB Keras would compile into a program.
            self.table = keras.Variable(join(), **settings)

    def call(self, index: Any) -> Any:
        return ops.take(self.table, index, axis=0)

    def compute_output_spec(self, index: Any) -> Any:
        return keras.KerasTensor(
            (*index.shape, *self.rows.shape[1:]), dtype=self.rows.dtype.name
        )
