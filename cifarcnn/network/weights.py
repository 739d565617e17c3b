"""The variables of a network as named arrays, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np


def read_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Copies of all weights by name, such as ``conv2d_1/kernel``, in Keras's order."""
    paths = [weight.path for weight in model.weights]
    return dict(zip(paths, read_arrays(model.weights), strict=True))


def read_arrays(variables: Iterable[Any]) -> list[np.ndarray[Any, Any]]:
    """Copies of the values of Keras variables."""
    values = [keras.ops.convert_to_tensor(variable) for variable in variables]
    for value in values:
        # On JAX all are on their way from the device before the first is waited for.
        if hasattr(value, "copy_to_host_async"):
            value.copy_to_host_async()
    # Else, on a CPU, there may be a view of memory that training goes on writing.
    return [np.require(value, None, ["OWNDATA", "WRITEABLE"]) for value in values]


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
