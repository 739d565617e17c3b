"""Colour scales in which equal steps of a value look like equal steps.

Both are straight in lightness within OKLab (B. Ottosson, "A perceptual color space for
image processing", 2020), so they also hold in grey print and for colour-blind eyes:
one from dark violet over green to light yellow for values from low to high, and one
from blue over a light grey to orange for values below and above 0. The colours below
were computed there, every 32nd of them; between two, sRGB is straight enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

STEPS = 256


def _interpolate(colours: Sequence[tuple[int, int, int]]) -> Array:
    """``STEPS`` colours, uint8 ``(256, 3)``, straight between those given."""
    places = np.linspace(0, len(colours) - 1, STEPS)
    numbers = np.arange(len(colours))
    channels = [
        np.interp(places, numbers, channel) for channel in np.transpose(colours)
    ]
    return np.floor(np.stack(channels, axis=1) + 0.5).astype(np.uint8)


# From low to high: uint8 (256, 3), red, green, blue.
SEQUENTIAL = _interpolate(
    [
        (42, 16, 73),
        (47, 44, 106),
        (42, 74, 136),
        (21, 108, 148),
        (36, 139, 152),
        (52, 170, 151),
        (110, 197, 135),
        (171, 219, 117),
        (239, 236, 95),
    ]
)
# From below 0 (blue) over 0 (light grey) to above (orange): uint8 (256, 3).
DIVERGING = _interpolate(
    [
        (6, 72, 156),
        (58, 116, 185),
        (107, 159, 213),
        (167, 199, 228),
        (239, 239, 238),
        (236, 192, 155),
        (221, 146, 81),
        (190, 108, 51),
        (157, 70, 22),
    ]
)


def paint(values: Array, low: float, high: float) -> Array:
    """Values as colours: around 0 when ``low`` is negative, else from low to high.

    Args:
        values: float ``(height, width)``.
        low: The lower end of the scale. When negative, the scale reaches equally far
            to both sides of 0, so that its middle is 0.
        high: The upper end.

    Returns:
        uint8 ``(height, width, 3)``.
    """
    if low < 0:
        reach = max(-low, high)
        low, high = -reach, reach
        table = DIVERGING
    else:
        table = SEQUENTIAL
    span = high - low
    share = (values - low) / span if span > 0 else np.zeros_like(values)
    steps = np.floor(np.clip(share, 0, 1) * (STEPS - 1) + 0.5).astype(np.int64)
    painted: Array = table[steps]
    return painted
