"""Keras's layers with the same weights and results, computed faster in training."""

from __future__ import annotations

from typing import Any

import keras

from cifarcnn.engine.mirrored_strategy import (
    among_whole_batch,
    current_replica,
    own_rows,
    replica_count,
)

ops = keras.ops


class BatchMask:
    """Which rows of a batch are images, where others fill it up to its usual size.

    Attributes:
        whole: float32 ``(b,)``, 1 for an image and 0 for a row that counts for
            nothing; a tensor of the step that is being traced. ``None``: all count.
    """

    whole: Any = None

    def __init__(self) -> None:
        self._penalties: dict[int | None, list[Any]] = {}

    @property
    def images(self) -> Any:
        """Of ``whole`` the rows of this replica; in no replica all."""
        return None if self.whole is None else own_rows(self.whole)

    def scale(self) -> Any:
        """What a mean over all rows is multiplied by for one over the images."""
        return ops.shape(self.whole)[0] / ops.sum(self.whole)

    def add_penalty(self, penalty: Any) -> None:
        """Keep a penalty on outputs of this replica."""
        self._penalties.setdefault(current_replica(), []).append(penalty)

    def take_penalties(self) -> list[Any]:
        """Those of this replica since it was asked last."""
        return self._penalties.pop(current_replica(), [])


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
        penalty = self._penalize(outputs)
        if current_replica() is None:
            return penalty
        # Keras keeps it in the layer, where replicas that take turns would find those
        # of one another.
        rows = ops.cast(ops.shape(outputs)[0], penalty.dtype)
        self.mask.add_penalty(ops.cast(penalty / rows, "float32"))
        return ops.zeros(())

    def _penalize(self, outputs: Any) -> Any:
        images = self.mask.images
        if images is None:
            return self.regularizer(outputs)
        shape = (-1, *(1,) * (len(outputs.shape) - 1))
        kept = ops.cast(ops.reshape(images, shape), outputs.dtype)
        penalty = self.regularizer(outputs * kept)
        return penalty * ops.cast(self.mask.scale(), penalty.dtype)


class OwnRows(keras.layers.Layer):  # type: ignore[misc]
    """Of a whole batch ``(b, ...)`` the rows that a replica computes."""

    def call(self, inputs: Any) -> Any:
        return own_rows(inputs)

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)


def draw_for_whole_batch(kind: Any) -> Any:
    """A layer of Keras that draws for its rows, with the draws of one device.

    Args:
        kind: Its class. What it gives for a row depends on no other row.
    """

    class WholeBatchDraws(kind):  # type: ignore[misc]
        """Draws for all rows of a batch, and uses what its replica has of it."""

        def call(self, inputs: Any, training: bool = False) -> Any:
            if not training or replica_count() == 1:
                return super().call(inputs, training=training)
            whole = among_whole_batch(inputs)
            return own_rows(super().call(whole, training=training))

    return WholeBatchDraws


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
