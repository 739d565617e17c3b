"""The gradient of a function, which each backend of Keras takes in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cifarcnn.engine.tensorflow_only import tape_gradient

if TYPE_CHECKING:
    import numpy as np


def gradient(
    function: Callable[[Any], Any], at: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """How a number changes with each of the values that it is computed from.

    Args:
        function: Tensor to a tensor that holds one number; of ``keras.ops`` and layers.
        at: float32, where.

    Returns:
        float32, of the shape of ``at``; zeros when the number does not depend on it.
    """
    import keras
    import numpy as np

    if keras.config.backend() == "tensorflow":
        return tape_gradient(function, at)
    import jax

    return np.asarray(jax.grad(function)(keras.ops.convert_to_tensor(at)))
