"""How many images are looked at at once, where nothing is learnt from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

EVALUATION_BATCH_SIZE = 256
# In maps of 64 channels these are 500 MB.
_MOST_PLACES = 2**21


def choose_batch_size(shapes: Iterable[Sequence[int]]) -> int:
    """As many images as usual, or the power of two that large maps leave room for.

    Args:
        shapes: What one image becomes on its way; maps ``(height, width, channels)``
            count.
    """
    places = max((prod(shape[:2]) for shape in shapes if len(shape) == 3), default=1)
    affordable = max(_MOST_PLACES // places, 1)
    return min(EVALUATION_BATCH_SIZE, 1 << (affordable.bit_length() - 1))
