"""The images of Grad-CAM: heat, and heat over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarcnn.explanation.grad_cam import GradCam
from cifarcnn.page.color_scales import paint

Array = np.ndarray[Any, Any]

# How much of the image's light still shows through the heat.
_IMAGE_SHARE = 0.45


@dataclass(frozen=True, eq=False)
class HeatMap:
    """One map of Grad-CAM, painted.

    Attributes:
        heat: uint8 ``(height, width, 3)``: the map alone, in the colours of its scale.
        over: uint8, of the same shape: the map over the image in grey.
        low: The lower end of the scale; negative for a scale around 0.
        high: Its upper end.
    """

    heat: Array
    over: Array
    low: float
    high: float


def paint_classes(cam: GradCam, pixels: Array) -> list[HeatMap]:
    """The heat of every class in one scale from 0, so that they can be compared."""
    high = max(float(entry.heat.max()) for entry in cam.maps)
    return [_paint(cam.on_input(entry.heat), pixels, 0.0, high) for entry in cam.maps]


def paint_difference(cam: GradCam, pixels: Array) -> HeatMap:
    """The winner's map minus the runner-up's, in a scale around 0."""
    reach = float(np.abs(cam.difference).max())
    return _paint(cam.on_input(cam.difference), pixels, -reach, reach)


def _paint(values: Array, pixels: Array, low: float, high: float) -> HeatMap:
    heat = paint(values, low, high)
    # Brightness as in Rec. 601, which Pillow's grey also follows.
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    mixed = _IMAGE_SHARE * grey[:, :, None] + (1 - _IMAGE_SHARE) * heat
    over = np.floor(mixed + 0.5).clip(0, 255).astype(np.uint8)
    return HeatMap(heat, over, low, high)
