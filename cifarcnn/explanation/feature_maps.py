"""The maps of every convolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarcnn.explanation.convolution_step import strength_of
from cifarcnn.explanation.receptive_field import ReceptiveField
from cifarcnn.explanation.steps import (
    Missing,
    Steps,
    convolutions,
    maps_of,
    no_convolution,
)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The maps of one convolution, after its activation.

    Attributes:
        layer: Name of the convolution.
        type: Its kind.
        activation: Of the layer itself or of one that follows; None when none follows
            before the maps are added to others or convolved again: then they are the
            bare sums.
        taken_after: Name of the layer whose result this is: the convolution or a later
            one, such as ``activation_1``.
        maps: float32 ``(height, width, channels)``.
        strength: float32 ``(channels,)``: mean of the absolute values of each map.
        order: int ``(channels,)``: channels by falling strength.
        low: The smallest value of all maps: together with ``high`` the scale of colours
            that they share.
        high: The largest.
        receptive_field: What each cell sees of the input.
    """

    layer: str
    type: str
    activation: str | None
    taken_after: str
    maps: Array
    strength: Array
    order: Array
    low: float
    high: float
    receptive_field: ReceptiveField


def collect_feature_maps(
    steps: Steps, fields: Mapping[str, ReceptiveField], values: Mapping[str, Array]
) -> tuple[FeatureMaps, ...] | Missing:
    """The maps of every convolution.

    Args:
        steps: The network.
        fields: The receptive fields of every step.
        values: The result of every step for the image, without the batch.
    """
    found = []
    for convolution in convolutions(steps):
        step, activation = maps_of(steps, convolution)
        maps = values[step.name]
        strength = strength_of(maps)
        found.append(
            FeatureMaps(
                layer=convolution.name,
                type=convolution.kind,
                activation=activation,
                taken_after=step.owner,
                maps=maps,
                strength=strength,
                order=(-strength).argsort(kind="stable"),
                low=float(maps.min()),
                high=float(maps.max()),
                receptive_field=fields[step.name],
            )
        )
    return tuple(found) or no_convolution(steps)
