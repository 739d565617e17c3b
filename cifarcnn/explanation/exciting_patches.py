"""Channels of convolutions, and the pieces of images that excite them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.explanation.fields import Box

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Patch:
    """A piece of an image that excites a unit.

    Attributes:
        pixels: uint8 ``(height, width, 3)``: what the unit sees there; smaller at the
            border of the image than in the middle.
        value: The value of the unit there.
        index: Number of the image in its split, from 0.
        label: Name of the image's class.
        box: Where the patch lies in its 32x32 image.
    """

    pixels: Array
    value: float
    index: int
    label: str
    box: Box


@dataclass(frozen=True, eq=False)
class ExcitedUnit:
    """A channel of a convolution and what it answers to most.

    Attributes:
        layer: Name of the convolution.
        taken_after: As for :class:`FeatureMaps`.
        channel: From 0.
        patches: At most nine, one from each image, the most exciting first; fewer
            when an activation such as ReLU gives 0 on all others.
    """

    layer: str
    taken_after: str
    channel: int
    patches: tuple[Patch, ...]


@dataclass(frozen=True, eq=False)
class Deeper:
    """What units at several depths look for.

    Attributes:
        units: By depth, then the channels chosen: with an image those strongest in
            it, otherwise those strongest over all the images looked at.
        split: Where the images come from: ``validation`` or ``training``.
        images: How many were looked at, evenly spread over the split.
        note: What must be said about them, as a sentence.
    """

    units: tuple[ExcitedUnit, ...]
    split: str
    images: int
    note: str
