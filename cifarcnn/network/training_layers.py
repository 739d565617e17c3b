"""Keras's layers with the same weights and results, computed faster in training."""

from __future__ import annotations

from typing import Any

import keras

from cifarcnn.engine.tensorflow_only import fused_batch_norm, has_fused_batch_norm

ops = keras.ops


class BatchMask:
    """Which rows of a batch are images, where others fill it up to its usual size.

    Attributes:
        images: float32 ``(b,)``, 1 for an image and 0 for a row that counts for
            nothing; a tensor of the step that is being traced. ``None``: all count.
    """

    images: Any = None

    def scale(self) -> Any:
        """What a mean over all rows is multiplied by for one over the images."""
        return ops.shape(self.images)[0] / ops.sum(self.images)


class InferenceModel(keras.Model):  # type: ignore[misc]
    """A model within another one that answers as in inference, also while it learns.

    To call it with ``training=False`` is not enough: when the other one is called,
    Keras hands on the ``training`` of that call instead.
    """

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(inputs, training=False, mask=mask)


class MaskedRegularizer(keras.regularizers.Regularizer):  # type: ignore[misc]
    """An activity regularizer, nothing for zeros, that leaves out masked rows.

    Keras divides by the number of rows afterwards.
    """

    def __init__(self, regularizer: Any, mask: BatchMask) -> None:
        self.regularizer = regularizer
        self.mask = mask

    def __call__(self, outputs: Any) -> Any:
        if self.mask.images is None:
            return self.regularizer(outputs)
        shape = (-1, *(1,) * (len(outputs.shape) - 1))
        kept = ops.cast(ops.reshape(self.mask.images, shape), outputs.dtype)
        penalty = self.regularizer(outputs * kept)
        return penalty * ops.cast(self.mask.scale(), penalty.dtype)


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalization with one operation in place of a dozen, or of masked rows.

    The weights are float32 in every precision, and the statistics move as in Keras's
    own layer: ``moving * momentum + batch * (1 - momentum)``, with the mean squared
    deviation as the variance of a batch. To that layer is left what is not maps
    ``(b, height, width, channels)``, a batch with masked rows, and all of it on
    backends that do not have the operation (``has_fused_batch_norm``).
    """

    def __init__(self, *, batch_mask: BatchMask | None = None, **arguments: Any):
        """Make the layer.

        Args:
            batch_mask: Which rows are measured, where not all are.
            arguments: Of ``keras.layers.BatchNormalization``.
        """
        super().__init__(**arguments)
        self.batch_mask = batch_mask

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        images = self.batch_mask.images if self.batch_mask and training else None
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
        if not training or not self.trainable:
            return fused_batch_norm(inputs, gamma, beta, self.epsilon, moving)[0]
        outputs, *measured = fused_batch_norm(inputs, gamma, beta, self.epsilon)
        for variable, old, new in zip(
            (self.moving_mean, self.moving_variance), moving, measured, strict=True
        ):
            variable.assign(old * self.momentum + new * (1.0 - self.momentum))
        return outputs


class SeparateBiasConv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """Convolution of maps ``(b, height, width, channels)``, its bias added apart.

    Keras adds the bias by TensorFlow's BiasAdd, whose gradient oneDNN takes together
    with that of the filters, in an operation that is slower than the two of them: by a
    third for the first convolution of `article`, forward and backward, on two cores.
    """

    def call(self, inputs: Any) -> Any:
        maps = self.convolution_op(inputs, self.kernel)
        if self.use_bias:
            # By the tensor's own plus: of `keras.ops.add` Keras makes BiasAdd.
            maps = maps + ops.convert_to_tensor(self.bias)
        return self.activation(maps)


class ActivatedMaxPooling2D(keras.layers.MaxPooling2D):  # type: ignore[misc]
    """Max pooling, then an activation, of ``(b, height, width, channels)``."""

    def __init__(self, *, activation: str, **arguments: Any) -> None:
        """Make the layer.

        Args:
            activation: Keras's name.
            arguments: Of ``keras.layers.MaxPooling2D``.
        """
        super().__init__(**arguments)
        self.activation = keras.activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(super().call(inputs))
