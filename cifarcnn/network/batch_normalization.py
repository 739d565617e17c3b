"""Batch normalization as it is trained: faster, of masked rows, on several devices."""

from __future__ import annotations

from math import prod
from typing import Any

import keras

from cifarcnn.engine.mirrored_strategy import replica_count, sum_over_replicas
from cifarcnn.engine.tensorflow_only import fused_batch_norm, has_fused_batch_norm
from cifarcnn.network.training_layers import BatchMask

ops = keras.ops


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalization with one operation in place of a dozen, or of masked rows.

    The weights are float32 in every precision, and the statistics move as in Keras's
    own layer: ``moving * momentum + batch * (1 - momentum)``, with the mean squared
    deviation as the variance of a batch. To that layer is left what is not maps
    ``(b, height, width, channels)``, a batch with masked rows, and all of it on
    backends that do not have the operation (``has_fused_batch_norm``).
    """

    def __init__(
        self,
        *,
        batch_mask: BatchMask | None = None,
        apart: int = 1,
        **arguments: Any,
    ) -> None:
        """Make the layer.

        Args:
            batch_mask: Which rows are measured, where not all are.
            apart: How many devices normalize each its own rows by their statistics;
                1: all rows are measured together, on however many devices.
            arguments: Of ``keras.layers.BatchNormalization``.
        """
        super().__init__(**arguments)
        self.batch_mask = batch_mask
        self.apart = apart

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        images = self.batch_mask.images if self.batch_mask and training else None
        learns = training and self.trainable
        if learns and (self.apart > 1 or replica_count() > 1):
            return self._normalize_parts(inputs, images)
        if images is not None:
            shape = (-1, *(1,) * (len(inputs.shape) - 2))
            mask = ops.broadcast_to(ops.reshape(images, shape), ops.shape(inputs)[:-1])
        if len(inputs.shape) != 4 or mask is not None or not has_fused_batch_norm():
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        # Converted here: a Keras variable is none of TensorFlow's.
        tensor = ops.convert_to_tensor
        gamma = tensor(self.gamma) if self.scale else ops.ones(channels, "float32")
        beta = tensor(self.beta) if self.center else ops.zeros(channels, "float32")
        moving = (tensor(self.moving_mean), tensor(self.moving_variance))
        if not learns:
            return fused_batch_norm(inputs, gamma, beta, self.epsilon, moving)[0]
        outputs, *measured = fused_batch_norm(inputs, gamma, beta, self.epsilon)
        self._move(*measured)
        return outputs

    def _normalize_parts(self, inputs: Any, images: Any) -> Any:
        """By the statistics of all replicas together, or of each device's rows.

        Args:
            inputs: ``(b, ..., channels)``, of this replica or of the whole batch.
            images: float32 ``(b,)``, which rows are measured; ``None``: all.
        """
        together = sum_over_replicas if self.apart == 1 else list
        # On TensorFlow each device's rows are with its replica.
        parts = max(self.apart // replica_count(), 1)
        values = ops.cast(inputs, "float32")
        rows, inner = ops.shape(inputs)[0], inputs.shape[1:-1]
        values = ops.reshape(values, (parts, rows // parts, *inner, inputs.shape[-1]))
        axes = tuple(range(1, len(values.shape) - 1))
        counted = ops.ones((rows,)) if images is None else images
        counted = ops.reshape(counted, (parts, rows // parts, *(1,) * len(axes)))
        number = ops.sum(counted, axes, keepdims=True) * prod(inner)
        number, total = together(
            [number, ops.sum(values * counted, axes, keepdims=True)]
        )
        # A device may have none of the images of a smaller last batch.
        some = ops.maximum(number, 1.0)
        mean = total / some
        (squares,) = together(
            [ops.sum(ops.square(values - mean) * counted, axes, keepdims=True)]
        )
        variance = squares / some
        self._move(*self._mean_of_parts(number, mean, variance))
        outputs = (values - mean) * ops.rsqrt(variance + self.epsilon)
        if self.scale:
            outputs = outputs * ops.convert_to_tensor(self.gamma)
        if self.center:
            outputs = outputs + ops.convert_to_tensor(self.beta)
        return ops.cast(ops.reshape(outputs, ops.shape(inputs)), self.compute_dtype)

    def _mean_of_parts(self, number: Any, *statistics: Any) -> list[Any]:
        """``(channels,)`` each: the mean over those parts that have any images."""
        measured = ops.cast(number > 0, "float32")
        sums = [ops.sum(each * measured, axis=0) for each in (1.0, *statistics)]
        if self.apart > 1:
            sums = sum_over_replicas(sums)
        count, *found = sums
        return [ops.reshape(each / count, (-1,)) for each in found]

    def _move(self, mean: Any, variance: Any) -> None:
        """Bring the moving statistics nearer to those of a batch."""
        for variable, new in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            old = ops.convert_to_tensor(variable)
            variable.assign(old * self.momentum + new * (1.0 - self.momentum))
