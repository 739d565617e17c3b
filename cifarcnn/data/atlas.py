"""Silhouettes drawn once, large and smooth, to be looked up many times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cifarcnn.data.silhouettes import Ellipse, Polygon, Pose, Shape

if TYPE_CHECKING:
    import numpy as np

SIZE = 96  # entries along a side; -1 to 1 of a silhouette, and an empty rim
REACH = 1.06  # coordinate of the rim
_FINE = 2  # finer drawing, averaged
# A subject is some 24 pixels long, so that a pixel sees about 4 entries: that much
# blur makes one look-up as smooth as an average would be.
_BLUR = 4


def draw_pose(pose: Pose) -> np.ndarray:
    """Draw the three parts of ``pose``.

    Returns:
        float32 ``(3, SIZE, SIZE)``, from 0 where a part is absent to 1 inside it.
    """
    import numpy as np

    side = SIZE * _FINE
    ticks = ((np.arange(side) + 0.5) / side * 2 - 1) * REACH
    x, y = ticks[None, :], ticks[:, None]
    parts = []
    for shapes in (pose.body, pose.trim, pose.ink):
        inside = np.zeros((side, side), dtype=bool)
        for shape in shapes:
            inside |= _contains(shape, x, y)
        drawn = inside.reshape(SIZE, _FINE, SIZE, _FINE).mean(axis=(1, 3))
        parts.append(_blur(drawn))
    return np.stack(parts).astype(np.float32)


def _contains(shape: Shape, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    import numpy as np

    inside: np.ndarray
    if isinstance(shape, Ellipse):
        turn = math.radians(shape.turn)
        dx, dy = x - shape.x, y - shape.y
        along = dx * math.cos(turn) + dy * math.sin(turn)
        across = dy * math.cos(turn) - dx * math.sin(turn)
        inside = (along / shape.width) ** 2 + (across / shape.height) ** 2 <= 1
        return inside
    if isinstance(shape, Polygon):
        inside = np.zeros((y.size, x.size), dtype=bool)
        corners = _pairs(shape.corners)
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if y0 != y1:  # a level edge never crosses the ray to the right
                crosses = (y0 > y) != (y1 > y)
                inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        return inside
    inside = np.zeros((y.size, x.size), dtype=bool)
    points = _pairs(shape.points)
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        nearest = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1)
        dx, dy = x - x0 - nearest * (x1 - x0), y - y0 - nearest * (y1 - y0)
        inside |= dx**2 + dy**2 <= shape.radius**2
    return inside


def _pairs(numbers: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _blur(drawn: np.ndarray) -> np.ndarray:
    import numpy as np

    kernel = np.full(_BLUR, 1 / _BLUR)
    for axis in (0, 1):
        drawn = np.apply_along_axis(np.convolve, axis, drawn, kernel, "same")
    drawn[0] = drawn[-1] = 0
    drawn[:, 0] = drawn[:, -1] = 0
    return drawn
