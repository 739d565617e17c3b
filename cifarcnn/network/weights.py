"""The variables of a network as named arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np


def read_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Copies of all weights by name, such as ``conv2d_1/kernel``, in Keras's order."""
    # On a CPU the conversion may give a view of memory that training goes on writing.
    return {weight.path: np.array(to_numpy(weight)) for weight in model.weights}


def to_numpy(variable: Any) -> np.ndarray[Any, Any]:
    """The value of a Keras variable or tensor."""
    # Taken straight from a variable, NumPy 2 warns of a missing argument `copy`.
    value: np.ndarray[Any, Any] = keras.ops.convert_to_numpy(keras.ops.copy(variable))
    return value


def write_weights(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Set all weights from arrays named as :func:`read_weights` names them.

    Args:
        model: The network.
        arrays: One for each weight, of its shape.

    Raises:
        KeyError: An array is missing.
    """
    for weight in model.weights:
        weight.assign(arrays[weight.path])
