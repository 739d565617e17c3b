"""Colour scales in which equal steps of a value look like equal steps.

Both are straight in lightness within OKLab (B. Ottosson, "A perceptual color space for
image processing", 2020), so they also hold in grey print and for colour-blind eyes:
one from dark violet over green to light yellow for values from low to high, and one
from blue over a light grey to orange for values below and above 0.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

STEPS = 256

# Lightness, chroma and hue in degrees at the ends and turning points, all within sRGB.
_SEQUENTIAL = (
    (0.25, 0.10, 300.0),
    (0.42, 0.11, 262.0),
    (0.58, 0.09, 210.0),
    (0.74, 0.12, 155.0),
    (0.92, 0.16, 108.0),
)
_NEGATIVE = ((0.42, 0.15, 258.0), (0.70, 0.095, 250.0), (0.95, 0.005, 240.0))
_POSITIVE = ((0.95, 0.005, 60.0), (0.75, 0.12, 62.0), (0.50, 0.13, 45.0))


@cache
def sequential() -> Array:
    """From low to high: uint8 ``(256, 3)``, red, green, blue."""
    return _to_srgb(_bend(_SEQUENTIAL, STEPS))


@cache
def diverging() -> Array:
    """From below 0 (blue) over 0 (light grey) to above (orange): uint8 ``(256, 3)``."""
    half = STEPS // 2
    return _to_srgb(np.concatenate([_bend(_NEGATIVE, half), _bend(_POSITIVE, half)]))


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
        table = diverging()
    else:
        table = sequential()
    span = high - low
    share = (values - low) / span if span > 0 else np.zeros_like(values)
    steps = np.floor(np.clip(share, 0, 1) * (STEPS - 1) + 0.5).astype(np.int64)
    painted: Array = table[steps]
    return painted


def _bend(points: tuple[tuple[float, float, float], ...], steps: int) -> Array:
    """Lightness, chroma and hue between the points, lightness at an even pace."""
    lightness, chroma, hue = np.array(points).T
    # np.interp wants rising places; lightness may fall.
    places = np.abs(lightness - lightness[0])
    even = np.linspace(0, places[-1], steps)
    return np.stack(
        [np.interp(even, places, column) for column in (lightness, chroma, hue)], 1
    )


def _to_srgb(points: Array) -> Array:
    """OKLab's lightness, chroma, hue to sRGB; the matrices are Ottosson's."""
    lightness, chroma, hue = points.T
    angle = np.deg2rad(hue)
    lab = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)])
    cones = (
        np.array(
            [
                [1.0, 0.3963377774, 0.2158037573],
                [1.0, -0.1055613458, -0.0638541728],
                [1.0, -0.0894841775, -1.2914855480],
            ]
        )
        @ lab
    ) ** 3
    linear = (
        np.array(
            [
                [4.0767416621, -3.3077115913, 0.2309699292],
                [-1.2684380046, 2.6097574011, -0.3413193965],
                [-0.0041960863, -0.7034186147, 1.7076147010],
            ]
        )
        @ cones
    ).clip(0, 1)
    # The transfer curve of IEC 61966-2-1.
    curved = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    rounded: Array = np.floor(curved.T * 255 + 0.5).astype(np.uint8)
    return rounded
