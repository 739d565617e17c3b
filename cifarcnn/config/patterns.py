"""Names of weights with places left open: ``bias``, ``*/beta``, ``conv2d_1/kernel``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern means a weight.

    Args:
        pattern: ``*`` stands for any characters. Without a ``/`` it means weights of
            that name in every layer.
        path: ``layer/weight``, such as ``conv2d_1/kernel``.
    """
    name = path if "/" in pattern else path.rpartition("/")[2]
    return fnmatchcase(name, pattern)


def matches_any(patterns: Iterable[str], path: str) -> bool:
    """Whether one of the patterns means the weight."""
    return any(matches(pattern, path) for pattern in patterns)


def multiplier_of(multipliers: Mapping[str, float], path: str) -> float:
    """The factor of a weight: of the last pattern that means it, else 1."""
    factors = [factor for name, factor in multipliers.items() if matches(name, path)]
    return factors[-1] if factors else 1.0
