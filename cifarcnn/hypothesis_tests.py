"""Whether a difference between networks may be chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cifarcnn.intervals import MeanWithInterval, mean_with_interval, share_within_t

# The share of false alarms that is put up with, as usual.
SIGNIFICANCE_LEVEL = 0.05


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """The p-value of McNemar's test, exact and two-sided.

    Of two networks that are equally good, each is as likely as the other to be the one
    that is right where only one is: the count follows a binomial distribution of 1/2.
    Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947), 153-157; exact as in
    A. L. Edwards, Psychometrika 13 (1948), 185-187.

    Args:
        only_first: On how many images only the first is right, 0 or more.
        only_second: On how many only the second.
    """
    count = only_first + only_second
    term = total = 1
    for number in range(1, min(only_first, only_second) + 1):
        term = term * (count - number + 1) // number
        total += term
    # Whole numbers of any length: their quotient is rounded once.
    return min(1.0, 2 * total / (1 << count))


def holm_correction(p_values: Sequence[float]) -> list[float]:
    """p-values of several tests, raised so that all may be read together.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6 (1979), 65-70.

    Returns:
        In the order given, each from 0 to 1.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, place in enumerate(order):
        raised = min(1.0, p_values[place] * (len(p_values) - rank))
        largest = max(largest, raised)
        corrected[place] = largest
    return corrected


@dataclass(frozen=True)
class PairedTest:
    """What differences of pairs say.

    Attributes:
        differences: Their mean, deviation and 95 % interval.
        t: Student's t; ``None`` where all differences are equal.
        p_value: Two-sided; ``None`` likewise.
    """

    differences: MeanWithInterval
    t: float | None
    p_value: float | None


def paired_t_test(first: Sequence[float], second: Sequence[float]) -> PairedTest | None:
    """Student's t test of pairs; ``None`` of fewer than two.

    Student, "The probable error of a mean", Biometrika 6 (1908), 1-25. It takes the
    differences for normally distributed.

    Args:
        first: Figures, such as an accuracy for each seed.
        second: As many, each of the same pair as the one of ``first``.
    """
    pairs = zip(first, second, strict=True)
    found = mean_with_interval([after - before for before, after in pairs])
    if found is None:
        return None
    if found.deviation == 0:
        return PairedTest(found, None, None)
    t = found.mean / (found.deviation / math.sqrt(len(first)))
    within = share_within_t(abs(t), len(first) - 1)
    return PairedTest(found, t, max(0.0, 1 - within))
