"""Keras's batch normalization with one operation in place of a dozen."""

from __future__ import annotations

from typing import Any

from cifarcnn.config.layers.normalization import BatchNormalization
from cifarcnn.engine import fused_batch_norm, has_fused_batch_norm
from cifarcnn.network.keras_objects import convert_arguments, convert_choice


def fused_batch_normalization(layer: BatchNormalization, dtype: str) -> Any:
    """A layer that computes what ``keras.layers.BatchNormalization`` does, faster.

    It has the same weights, which are float32 in every precision, and moves its
    statistics in the same way: ``moving * momentum + batch * (1 - momentum)``, with the
    mean squared deviation as the variance of a batch. Where the backend has no such
    operation, and for values that are not maps, it is Keras's own layer.

    Args:
        layer: Its arguments.
        dtype: Keras's name of a dtype policy; its results have the type for computing.
    """
    import keras

    if not has_fused_batch_norm():
        return convert_choice(keras.layers, layer, dtype=dtype)

    class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
        """Batch normalization of maps ``(b, height, width, channels)``."""

        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            if len(inputs.shape) != 4 or mask is not None:
                return super().call(inputs, training=training, mask=mask)
            ops = keras.ops
            channels = inputs.shape[-1]
            # Converted here: a Keras variable is none of TensorFlow's.
            gamma = _value(self.gamma) if self.scale else ops.ones(channels, "float32")
            beta = _value(self.beta) if self.center else ops.zeros(channels, "float32")
            moving = (_value(self.moving_mean), _value(self.moving_variance))
            if not training or not self.trainable:
                return fused_batch_norm(inputs, gamma, beta, self.epsilon, moving)[0]
            outputs, *measured = fused_batch_norm(inputs, gamma, beta, self.epsilon)
            for variable, old, new in zip(
                (self.moving_mean, self.moving_variance), moving, measured, strict=True
            ):
                variable.assign(old * self.momentum + new * (1.0 - self.momentum))
            return outputs

    arguments = convert_arguments(layer.arguments())
    return FusedBatchNormalization(**arguments, dtype=dtype)


def _value(variable: Any) -> Any:
    import keras

    return keras.ops.convert_to_tensor(variable)
