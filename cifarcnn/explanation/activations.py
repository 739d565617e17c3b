"""The activation functions, in words and as curves."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from cifarcnn.network.weights import to_numpy

Array = np.ndarray[Any, Any]

# Make 0 of many values, and not only of 0.
CUTTING = frozenset({"relu", "relu6", "hard_sigmoid", "hard_silu"})
_POINTS = 161
_REACH = 4.0
_WORDS = {
    "relu": "Negative values become 0, the others stay as they are.",
    "relu6": "Negative values become 0, values above 6 become 6.",
    "leaky_relu": "Negative values become a fifth of themselves; none becomes 0.",
    "prelu": "Negative values are multiplied by factors that the network has learnt; "
    "the curve shows the mean of these.",
    "elu": "Negative values are bent towards -1; none becomes 0.",
    "selu": "Positive values grow by 5 %, negative ones are bent towards -1.76.",
    "gelu": "Positive values stay nearly as they are; negative ones come close to 0, "
    "but hardly any is exactly 0.",
    "mish": "Positive values stay nearly as they are; negative ones come close to 0, "
    "but hardly any is exactly 0.",
    "softplus": "Every value becomes positive: a smooth form of cutting off at 0.",
    "softsign": "Every value is bent into the range from -1 to 1.",
    "tanh": "Every value is bent into the range from -1 to 1.",
    "sigmoid": "Every value is bent into the range from 0 to 1.",
    "hard_sigmoid": "A straight line from 0 to 1 for values from -3 to 3; what lies "
    "beyond is cut off.",
    "hard_silu": "Values below -3 become 0, those above 3 stay; between them it bends.",
    "exponential": "Every value becomes its power of e, and so positive.",
}
_WORDS["silu"] = _WORDS["swish"] = _WORDS["gelu"]


def describe_function(name: str) -> str:
    """What an activation does, in a sentence.

    Args:
        name: As the config names it, ``prelu`` for that layer; none that is
            ``linear`` or ``softmax``.
    """
    return _WORDS[name]


def sample_function(name: str, factor: float = 0.0) -> Array:
    """The curve of an activation, computed by Keras.

    Args:
        name: As for :func:`describe_function`.
        factor: What ``prelu`` multiplies negative values by.

    Returns:
        float32 ``(2, points)``: inputs from -4 to 4, and results.
    """
    inputs = np.linspace(-_REACH, _REACH, _POINTS, dtype=np.float32)
    values = keras.ops.convert_to_tensor(inputs)
    if name == "prelu":
        results = keras.activations.leaky_relu(values, factor)
    else:
        results = keras.activations.get(name)(values)
    return np.stack([inputs, to_numpy(results)])
