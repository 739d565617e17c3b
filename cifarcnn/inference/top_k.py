"""The most probable classes of one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def top_k(
    probabilities: np.ndarray[Any, Any], class_names: Sequence[str], k: int
) -> list[tuple[str, float]]:
    """The ``k`` most probable classes, or all when there are fewer.

    Of equally probable classes the first in the order of the classes comes first.

    Args:
        probabilities: float32 ``(classes,)``.
        class_names: In the order of the probabilities.
        k: How many.
    """
    order = (-probabilities).argsort(kind="stable")[:k]
    # The shortest decimal that names this float32: 0.93, not 0.930000007.
    return [(class_names[index], float(str(probabilities[index]))) for index in order]
