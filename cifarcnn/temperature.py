"""One number that makes a network as sure as it is right: temperature scaling.

The logits are divided by it before the softmax, which changes no answer. C. Guo, G.
Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017,
section 4.2. Here the logits are the logarithms of the probabilities, which differ from
them by what softmax takes away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LOWEST, HIGHEST = 0.01, 100.0
# A probability of 0 in float32 may be anything below it.
_SMALLEST = float(np.finfo(np.float32).tiny)
_MOST_STEPS = 100
_TOLERANCE = 1e-7


def apply_temperature(probabilities: Array, temperature: float) -> Array:
    """The probabilities at another temperature.

    Args:
        probabilities: float ``(n, classes)``, any ``n``, also 0.
        temperature: Above 1 makes them less sure, below 1 surer.

    Returns:
        float32 ``(n, classes)``, each row adding up to 1.
    """
    scaled = _softmax(to_logits(probabilities) / temperature)
    return scaled.astype(np.float32)


def fit_temperature(probabilities: Array, labels: Array) -> float | None:
    """The temperature at which the likelihood of the labels is greatest.

    Args:
        probabilities: float ``(n, classes)``, ``n`` at least 1.
        labels: integer ``(n,)``, the true classes.

    Returns:
        ``LOWEST`` to ``HIGHEST``; None where the greatest lies beyond: every image is
        named rightly, or the probabilities of the true classes are no better than
        those of the others.
    """
    logits = to_logits(probabilities)
    true = logits[np.arange(len(labels)), labels].mean()

    def derivatives(inverse: float) -> tuple[float, float]:
        """Of the mean cross-entropy, by ``1 / temperature``, in which it is convex."""
        weights = _softmax(logits * inverse)
        mean = (weights * logits).sum(axis=1)
        square = (weights * logits**2).sum(axis=1)
        return float(mean.mean() - true), float((square - mean**2).mean())

    low, high, inverse = 1 / HIGHEST, 1 / LOWEST, 1.0
    if derivatives(low)[0] >= 0 or derivatives(high)[0] <= 0:
        return None
    # Newton's method, halving the range (of the logarithm) where it would leave it.
    for _ in range(_MOST_STEPS):
        slope, curvature = derivatives(inverse)
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        after = inverse - slope / curvature if curvature > 0 else 0.0
        if not low <= after <= high:
            after = (low * high) ** 0.5
        if abs(after - inverse) <= _TOLERANCE * inverse:
            break
        inverse = after
    return 1 / inverse


def to_logits(probabilities: Array) -> Array:
    """The logits but for a constant: float64 ``(n, classes)``, none above 0."""
    return np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares
