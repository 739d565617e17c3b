"""A LiteRT file in memory, answering without TensorFlow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cifarcnn.cpu import usable_cores
from cifarcnn.errors import RunError, first_line
from cifarcnn.evaluation_batch import choose_batch_size
from cifarcnn.padded_batches import Array, predict_in_batches

# What the converter makes of the layers that a config can name, and their like. None
# of them runs another graph, keeps a state or touches a file. That does not make a
# file from elsewhere safe, which can crash the runtime before it is asked; such a file
# does not come here (see ``runs/signature.py``).
OPERATIONS = frozenset(
    "ABS ADD AVERAGE_POOL_2D BATCH_TO_SPACE_ND BROADCAST_TO CAST CONCATENATION "
    "CONV_2D DELEGATE DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EQUAL EXP EXPAND_DIMS "
    "FULLY_CONNECTED GATHER GELU GREATER GREATER_EQUAL HARD_SWISH L2_NORMALIZATION "
    "LEAKY_RELU LESS LESS_EQUAL LOG LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN "
    "MINIMUM MIRROR_PAD MUL NEG PACK PAD PADV2 POW PRELU QUANTIZE REDUCE_MAX "
    "REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE "
    "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SELECT_V2 SHAPE SIGN SLICE SOFTMAX "
    "SPACE_TO_BATCH_ND SPLIT SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB "
    "SUM TANH TILE TRANSPOSE".split()
)
# Larger images, as a damaged file may name them, would fill the memory.
_MOST_VALUES = 2**26


def has_runtime() -> bool:
    """Whether the LiteRT runtime can be imported."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError:
        return False
    return True


class LiteRTModel:
    """A network as a LiteRT file; to be used by one thread at a time.

    It has answered one image when it is made, so that a file that does not work is
    found before anybody counts on it.

    Attributes:
        image_shape: Height, width and channels of the images that it takes.
    """

    def __init__(
        self,
        name: str,
        content: bytes,
        class_count: int,
        threads: int | None = None,
        sum_tolerance: float = 1e-3,
    ) -> None:
        """Load a file.

        Args:
            name: How messages name it.
            content: Of the file: uint8 ``(n, height, width, 3)`` to probabilities
                ``(n, classes)``.
            class_count: How many classes it must tell apart.
            threads: How many cores to use; None takes all that the process may use.
            sum_tolerance: By how much the sum of an image's probabilities may miss 1.

        Raises:
            RunError: The runtime is not installed, or the file is not such a network.
        """
        self._name = name
        self._class_count = class_count
        self._size = 0
        try:
            self._interpreter = _open(name, content, threads or usable_cores())
            details = self._interpreter.get_input_details()[0]
            self._input = details["index"]
            self._output = self._interpreter.get_output_details()[0]["index"]
            shape = tuple(int(side) for side in details["shape"][1:])
            if len(shape) != 3 or math.prod(shape) > _MOST_VALUES:
                raise ValueError(f"it takes the shape {shape}, which is no image's")
            self.image_shape = (shape[0], shape[1], shape[2])
            tensors = self._interpreter.get_tensor_details()
            self._batch_size = choose_batch_size(
                tensor["shape"][1:].tolist() for tensor in tensors
            )
            row = self._invoke(np.zeros((1, *self.image_shape), np.uint8))
        except RunError:
            raise
        except Exception as error:
            # On damaged content the runtime raises whatever it stumbles over.
            raise RunError(
                f"{name} does not work with the LiteRT runtime: {first_line(error)}"
            ) from error
        if row.shape != (1, class_count) or not abs(row.sum() - 1) < sum_tolerance:
            raise RunError(
                f"{name} is not a network that gives the probabilities of "
                f"{class_count} classes."
            )

    def predict(self, images: Array, batch_size: int | None = None) -> Array:
        """The probabilities of every image.

        Args:
            images: uint8 ``(n, *image_shape)``, any ``n``, also 0.
            batch_size: How many at once; for fewer images the next power of two, or
                what it was before: another size costs the runtime as much as many
                answers. None: as many as is usual, or fewer where its maps are large.

        Returns:
            float32 ``(n, classes)``, in the order of the images.

        Raises:
            RunError: The runtime fails.
        """
        try:
            return predict_in_batches(
                self._invoke,
                images,
                batch_size or self._batch_size,
                self._class_count,
                self._size,
            )
        except (ValueError, RuntimeError, MemoryError) as error:
            raise RunError(
                f"{self._name} failed while it was used: {first_line(error)}"
            ) from error

    def _invoke(self, batch: Array) -> Array:
        if len(batch) != self._size:
            self._interpreter.resize_tensor_input(self._input, batch.shape)
            self._interpreter.allocate_tensors()
            self._size = len(batch)
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        result: Array = self._interpreter.get_tensor(self._output)
        return result


def _open(name: str, content: bytes, threads: int) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise RunError(
            f"{name} is not used, because the LiteRT runtime cannot be imported "
            f"({error}); `pip install ai-edge-litert` brings it."
        ) from error
    interpreter = Interpreter(model_content=content, num_threads=threads)
    for operation in interpreter._get_ops_details():
        if operation["op_name"] not in OPERATIONS:
            raise RunError(
                f"{name} holds the operation {operation['op_name']}, which is not "
                "among those of a convolutional network."
            )
    return interpreter
