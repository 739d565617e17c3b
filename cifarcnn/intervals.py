"""How sure one may be of a mean of few figures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class MeanWithInterval:
    """The mean of a sample.

    Attributes:
        mean: Of the figures.
        deviation: The sample's standard deviation, over ``n - 1``.
        interval: The 95 % interval of the mean by Student's t, which takes the figures
            for normally distributed.
    """

    mean: float
    deviation: float
    interval: tuple[float, float]


def mean_with_interval(figures: Sequence[float]) -> MeanWithInterval | None:
    """Mean, deviation and interval; ``None`` of fewer than two figures."""
    count = len(figures)
    if count < 2:
        return None
    mean, deviation = statistics.fmean(figures), statistics.stdev(figures)
    half = student_t_95(count - 1) * deviation / math.sqrt(count)
    return MeanWithInterval(mean, deviation, (mean - half, mean + half))


def mean_of_shares(shares: Sequence[float]) -> MeanWithInterval | None:
    """The same of figures from 0 to 1, which their mean cannot leave."""
    found = mean_with_interval(shares)
    if found is None:
        return None
    low, high = found.interval
    return replace(found, interval=(max(low, 0.0), min(high, 1.0)))


def student_t_95(degrees: int) -> float:
    """The t within which 95 % of Student's distribution lie, on both sides of 0.

    Args:
        degrees: Of freedom, 1 or more.
    """
    low, high = 0.0, 13.0  # 12.706 with one degree of freedom
    while high - low > 1e-12:
        middle = (low + high) / 2
        if share_within_t(middle, degrees) < 0.95:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def share_within_t(t: float, degrees: int) -> float:
    """The probability of a value between ``-t`` and ``t``.

    M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.7.3
    and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for number in range(2 + odd, degrees + 1, 2):
        total += term
        term *= cosine * cosine * (number - 1) / number
    if odd:
        return 2 / math.pi * (angle + sine * total)
    return sine * total
