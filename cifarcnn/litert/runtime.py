"""A LiteRT file in memory, answering without TensorFlow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cifarcnn.errors import RunError

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.config.datasets import ImageShape

    Array = np.ndarray[Any, Any]

# What the converter makes of the layers that a config can name, and their like. None
# of them runs another graph, keeps a state or touches a file. That does not make a
# file from elsewhere safe, which can crash the runtime before it is asked; such a file
# does not come here (see ``runs/signature.py``).
OPERATIONS = frozenset(
    "ABS ADD AVERAGE_POOL_2D BATCH_TO_SPACE_ND BROADCAST_TO CAST CONCATENATION CONV_2D "
    "DELEGATE DEPTHWISE_CONV_2D DIV ELU EQUAL EXP EXPAND_DIMS FULLY_CONNECTED GELU "
    "GREATER GREATER_EQUAL HARD_SWISH L2_NORMALIZATION LEAKY_RELU LESS LESS_EQUAL LOG "
    "LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG PACK PAD "
    "PADV2 POW PRELU REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE "
    "RSQRT SELECT_V2 SHAPE SIGN SLICE SOFTMAX SPACE_TO_BATCH_ND SPLIT SQRT SQUARE "
    "SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE".split()
)


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
    """

    def __init__(
        self,
        name: str,
        content: bytes,
        class_count: int,
        threads: int | None = None,
    ) -> None:
        """Load a file.

        Args:
            name: How messages name it.
            content: Of the file: uint8 ``(n, 32, 32, 3)`` to probabilities
                ``(n, classes)``.
            class_count: How many classes it must tell apart.
            threads: How many cores to use; None takes all that the process may use.

        Raises:
            RunError: The runtime is not installed, or the file is not such a network.
        """
        import numpy as np

        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise RunError(
                f"{name} is not used, because the LiteRT runtime cannot be imported "
                f"({error}); `pip install ai-edge-litert` brings it."
            ) from error
        self._name = name
        self._size = 0
        try:
            self._interpreter = Interpreter(
                model_content=content, num_threads=threads or usable_cores()
            )
            self._refuse_unknown_operations()
            details = self._interpreter.get_input_details()[0]
            self._input = details["index"]
            height, width, channels = map(int, details["shape"][1:])
            self.image_shape: ImageShape = height, width, channels
            self._output = self._interpreter.get_output_details()[0]["index"]
            row = self._invoke(np.zeros((1, 32, 32, 3), np.uint8))
        except RunError:
            raise
        except Exception as error:
            # On damaged content the runtime raises whatever it stumbles over.
            raise RunError(
                f"{name} does not work with the LiteRT runtime: {_first_line(error)}"
            ) from error
        if row.shape != (1, class_count) or not abs(row.sum() - 1) < 1e-3:
            raise RunError(
                f"{name} is not a network that gives the probabilities of "
                f"{class_count} classes."
            )
        self._class_count = class_count

    def predict(self, images: Array, batch_size: int = 256) -> Array:
        """The probabilities of every image.

        Batches have a fixed size, the last one being filled up: another size costs
        the runtime as much as many answers.

        Args:
            images: uint8 ``(n, 32, 32, 3)``, any ``n``, also 0.
            batch_size: How many at once; for fewer images the next power of two.

        Returns:
            float32 ``(n, classes)``, in the order of the images.

        Raises:
            RunError: The runtime fails.
        """
        import numpy as np

        count = len(images)
        size = min(batch_size, max(self._size, 1 << max(count - 1, 0).bit_length()))
        result = np.empty((count, self._class_count), np.float32)
        for start in range(0, count, size):
            batch = images[start : start + size]
            filled = len(batch)
            if filled < size:
                padding = np.zeros((size - filled, 32, 32, 3), np.uint8)
                batch = np.concatenate([batch, padding])
            try:
                result[start : start + filled] = self._invoke(batch)[:filled]
            except (ValueError, RuntimeError, MemoryError) as error:
                raise RunError(
                    f"{self._name} failed while it was used: {_first_line(error)}"
                ) from error
        return result

    def _invoke(self, batch: Array) -> Array:
        if len(batch) != self._size:
            self._interpreter.resize_tensor_input(self._input, batch.shape)
            self._interpreter.allocate_tensors()
            self._size = len(batch)
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        result: Array = self._interpreter.get_tensor(self._output)
        return result

    def _refuse_unknown_operations(self) -> None:
        for operation in self._interpreter._get_ops_details():
            name = operation["op_name"]
            if name not in OPERATIONS:
                raise RunError(
                    f"{self._name} holds the operation {name}, which is not among "
                    "those of a convolutional network."
                )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
