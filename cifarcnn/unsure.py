"""When a network is unsure: nothing that it knows fits a picture.

The score is the energy of the logits with its sign turned, so that low is unsure (W.
Liu, X. Wang, J. D. Owens, Y. Li, "Energy-based out-of-distribution detection", NeurIPS
2020). Of probabilities the logits are known but for a constant; it is taken so that
their mean is 0. Then the energy is the mean of the logarithms of the probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cifarcnn.temperature import apply_temperature, to_logits

Array = np.ndarray[Any, Any]

# Of the images that are named rightly. The field compares scores where 95 % are kept
# (S. Liang, Y. Li, R. Srikant, "Enhancing the reliability of out-of-distribution image
# detection in neural networks", ICLR 2018).
SHARE_LOST = 0.05


def negative_energy(probabilities: Array) -> Array:
    """The lower, the less sure.

    Args:
        probabilities: float ``(n, classes)``, as the network gives them.

    Returns:
        float64 ``(n,)``, the logarithm of the number of classes at least.
    """
    score: Array = -to_logits(probabilities).mean(axis=1)
    return score


def fit_threshold(probabilities: Array, labels: Array) -> float:
    """The score below which a network is unsure: of its right answers, the lowest 5 %.

    Wrong answers have no part in it: to be called unsure is no loss for them.

    Args:
        probabilities: float ``(n, classes)`` for the validation images, as the network
            gives them.
        labels: integer ``(n,)``, their true classes; one at least is the answer.
    """
    right = probabilities.argmax(axis=1) == labels
    return float(np.quantile(negative_energy(probabilities[right]), SHARE_LOST))


def find_unsure(
    probabilities: Array, threshold: float, temperature: float | None = None
) -> Array:
    """Which answers are unsure.

    Args:
        probabilities: float ``(n, classes)``.
        threshold: From :func:`fit_threshold`.
        temperature: That the probabilities are at; None: as the network gives them.

    Returns:
        bool ``(n,)``.
    """
    if temperature is not None:
        probabilities = apply_temperature(probabilities, 1 / temperature)
    unsure: Array = negative_energy(probabilities) < threshold
    return unsure
