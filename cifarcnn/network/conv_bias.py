"""A convolution whose bias costs little to learn."""

from __future__ import annotations

from typing import Any

from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.network.keras_objects import convert_arguments


def convolution_with_cheap_bias(layer: Conv2D, **overrides: Any) -> Any:
    """A layer that computes what ``keras.layers.Conv2D`` does, faster in training.

    Keras adds the bias by TensorFlow's BiasAdd, whose gradient oneDNN takes together
    with that of the filters, in an operation that is slower than the two of them: by a
    third for the first convolution of `article`, forward and backward, on two cores.

    Args:
        layer: Its arguments.
        overrides: Arguments that take the place of those in ``layer``.
    """
    import keras

    class Convolution2D(keras.layers.Conv2D):  # type: ignore[misc]
        """Convolution of maps ``(b, height, width, channels)``."""

        def call(self, inputs: Any) -> Any:
            maps = self.convolution_op(inputs, self.kernel)
            if self.use_bias:
                # By the tensor's own plus: of `keras.ops.add` Keras makes BiasAdd.
                maps = maps + keras.ops.convert_to_tensor(self.bias)
            return self.activation(maps)

    return Convolution2D(**{**convert_arguments(layer.arguments()), **overrides})
