"""The mistakes that a network was surest of."""

from __future__ import annotations

import numpy as np

from cifarcnn.evaluation.metrics import Array


def worst_mistakes(probabilities: Array, labels: Array, most: int) -> list[int]:
    """Which images were named wrongly, the surest answers first.

    Args:
        probabilities: float ``(n, classes)``.
        labels: integer ``(n,)``, the true classes.
        most: How many to give at most.

    Returns:
        Their places; of equally sure ones the earlier first.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    found: list[int] = wrong[order[:most]].tolist()
    return found
