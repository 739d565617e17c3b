"""In which order the images come: a pure function of the seed and the epoch."""

from __future__ import annotations

import numpy as np

# Keeps these draws apart from every other use of the same seed. "order" in ASCII.
_STREAM = 0x6F72646572


def order_of_epoch(seed: int, epoch: int, count: int) -> np.ndarray:
    """A permutation of ``0 .. count - 1`` that nothing but the arguments decides.

    It rests on NumPy's raw bit streams, which are frozen, unlike its shuffles (NEP 19).

    Args:
        seed: 0 or more.
        epoch: Counted from 0.
        count: Number of images.

    Returns:
        int32 ``(count,)``.
    """
    draws = np.random.Philox([seed, epoch, _STREAM]).random_raw(count)
    return np.argsort(draws, kind="stable").astype(np.int32)
