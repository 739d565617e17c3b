"""What outlines are made of.

Coordinates run from -1 to 1, x to the right and y downwards; every subject faces
right and is mirrored by whoever draws it. A pose has three parts, painted in this
order: the body, the trim (wings, windows, manes, bellies), and the ink (wheels, eyes,
hooves, antlers).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ellipse:
    """Centre, half-axes, and a turn in degrees, clockwise."""

    x: float
    y: float
    width: float
    height: float
    turn: float = 0.0


@dataclass(frozen=True)
class Polygon:
    """Corners ``x0, y0, x1, y1, ...``."""

    corners: tuple[float, ...]


@dataclass(frozen=True)
class Stroke:
    """A line through points ``x0, y0, x1, y1, ...`` with round ends."""

    points: tuple[float, ...]
    radius: float


Shape = Ellipse | Polygon | Stroke


@dataclass(frozen=True)
class Pose:
    """One view of a subject: the shapes of its three parts."""

    body: tuple[Shape, ...]
    trim: tuple[Shape, ...]
    ink: tuple[Shape, ...]


def polygon(*corners: float) -> Polygon:
    """A polygon from bare numbers."""
    return Polygon(corners)


def stroke(radius: float, *points: float) -> Stroke:
    """A stroke from bare numbers."""
    return Stroke(points, radius)


def disc(x: float, y: float, radius: float) -> Ellipse:
    """A round ellipse."""
    return Ellipse(x, y, radius, radius)
