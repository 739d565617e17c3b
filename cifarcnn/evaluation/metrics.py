"""Metrics from probabilities and labels, in plain NumPy and double precision.

Throughout: ``probabilities`` is float ``(n, classes)``, ``labels`` integer ``(n,)``,
``confusion`` integer ``(classes, classes)`` with a row for each true class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# The quantile of the normal distribution that leaves 2.5 % on either side.
Z_95 = 1.959963984540054
# What Keras's own losses clip to (keras.config.epsilon), so that one image with a
# probability of 0 does not make the mean infinite.
SMALLEST_PROBABILITY = 1e-7
CALIBRATION_BINS = 15


def cross_entropy(probabilities: Array, labels: Array) -> float:
    """Mean of ``-ln p`` of the true class, ``p`` clipped to 1e-7 .. 1."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(np.mean(-np.log(np.clip(true, SMALLEST_PROBABILITY, 1.0))))


def confusion_matrix(labels: Array, predictions: Array, classes: int) -> Array:
    """How often each true class (row) was taken for each class (column)."""
    # A uint8 label times the number of classes would overflow.
    cells = labels.astype(np.int64) * classes + predictions.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a proportion, which never leaves 0 .. 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22 (1927), 209-212.
    """
    fraction = correct / count
    square = Z_95 * Z_95 / count
    centre = (fraction + square / 2) / (1 + square)
    half = Z_95 * math.sqrt(fraction * (1 - fraction) / count + square / (4 * count))
    half /= 1 + square
    return max(0.0, centre - half), min(1.0, centre + half)


def precision_recall_f1(confusion: Array) -> tuple[Array, Array, Array]:
    """Precision, recall and their harmonic mean of each class, float64 ``(classes,)``.

    Where the denominator is 0 (a class never predicted, or without images) the
    metric is 0.
    """
    correct = np.diag(confusion).astype(np.float64)
    precision = _ratio(correct, confusion.sum(axis=0))
    recall = _ratio(correct, confusion.sum(axis=1))
    return precision, recall, _ratio(2 * precision * recall, precision + recall)


def mean_over_classes(values: Array, support: Array, *, weighted: bool) -> float:
    """The mean of a metric over the classes that have images.

    Args:
        values: float64 ``(classes,)``.
        support: integer ``(classes,)``, images of each class; not all 0.
        weighted: Whether each class counts by its images, or all alike.
    """
    weights = support if weighted else support > 0
    return float(np.average(values, weights=weights))


def brier_score(probabilities: Array, labels: Array) -> float:
    """Mean squared distance of the probabilities from certainty in the true class.

    The sum over all classes, 0 (sure and right) to 2 (sure and wrong). G. W. Brier,
    "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78 (1950), 1-3.
    """
    given = probabilities.astype(np.float64)
    true = given[np.arange(len(labels)), labels]
    return float(np.mean((given * given).sum(axis=1) - 2 * true + 1))


@dataclass(frozen=True)
class CalibrationBin:
    """Images whose predicted class has a probability in one range.

    Attributes:
        low: The range begins above this.
        high: And ends with this.
        count: How many images there are.
        confidence: The mean of these probabilities; ``None`` without an image.
        accuracy: The share of these images whose predicted class is the true one.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


def calibration_bins(probabilities: Array, labels: Array) -> list[CalibrationBin]:
    """Images sorted into 15 bins ``(a, b]`` of equal width by their confidence."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins = np.ceil(confidence * CALIBRATION_BINS).astype(np.int64) - 1
    bins = np.clip(bins, 0, CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    sums = np.bincount(bins, weights=confidence, minlength=CALIBRATION_BINS)
    hits = np.bincount(bins, weights=right, minlength=CALIBRATION_BINS)
    return [
        CalibrationBin(
            low=number / CALIBRATION_BINS,
            high=(number + 1) / CALIBRATION_BINS,
            count=int(count),
            confidence=float(sums[number] / count) if count else None,
            accuracy=float(hits[number] / count) if count else None,
        )
        for number, count in enumerate(counts)
    ]


def calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Expected calibration error: how far confidence lies from accuracy, 0 .. 1.

    A bin counts by its fraction of the images. C. Guo, G. Pleiss, Y. Sun, K. Q.
    Weinberger, "On calibration of modern neural networks", ICML 2017, equation 3.

    Args:
        bins: With an image in one of them at least.
    """
    gaps = [
        each.count * abs(each.accuracy - each.confidence)
        for each in bins
        if each.accuracy is not None and each.confidence is not None
    ]
    return sum(gaps) / sum(each.count for each in bins)


def top_k_accuracy(probabilities: Array, labels: Array, k: int) -> float:
    """Share of images whose class is among the ``k`` most probable ones.

    Of equally probable classes the one with the smaller number comes first.
    """
    first = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float(np.mean((first == labels[:, None]).any(axis=1)))


def confused_pairs(confusion: Array, limit: int) -> list[tuple[int, int, int]]:
    """The most frequent mistakes: true class, predicted class, how often (above 0)."""
    mistakes = confusion * (1 - np.eye(len(confusion), dtype=confusion.dtype))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
    rows, columns = np.unravel_index(order, mistakes.shape)
    return [
        (int(row), int(column), int(mistakes[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if mistakes[row, column] > 0
    ]


def _ratio(numerator: Array, denominator: Array) -> Array:
    zeros = np.zeros(len(numerator))
    return np.divide(numerator, denominator, out=zeros, where=denominator > 0)
