"""The terms of the logits, and what the softmax makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Contribution:
    """One term of a logit.

    Attributes:
        index: Which input of the dense layer, from 0.
        place: Where it comes from: ``(row, column, channel)`` of the maps that were
            flattened, or ``(unit,)``.
        value: The input.
        weight: What it is multiplied by.
        contribution: ``value * weight``.
    """

    index: int
    place: tuple[int, ...]
    value: float
    weight: float
    contribution: float


@dataclass(frozen=True, eq=False)
class LogitParts:
    """The logit of one class, taken apart.

    Attributes:
        class_index: Which class.
        logit: As the network gave it.
        bias: What is added to the contributions.
        weights: float32 ``(inputs,)``.
        contributions: float32 ``(inputs,)``: inputs times weights.
        strongest: The largest by absolute value, the largest first; at most 12.
        rest: All other contributions added up. ``strongest + rest + bias`` is the
            logit, but for the rounding of float32.
    """

    class_index: int
    logit: float
    bias: float
    weights: Array
    contributions: Array
    strongest: tuple[Contribution, ...]
    rest: float


@dataclass(frozen=True, eq=False)
class Dense:
    """The last dense layer, which makes the logits.

    Attributes:
        layer: Its name.
        source: Name of the layer whose values it weighs.
        source_shape: ``(height, width, channels)`` when they were maps, flattened in
            reading order; else ``(inputs,)``.
        flattening: Name of the network's first flatten or global pooling layer, which
            made one row of the maps; None where there is none.
        flattened_shape: The shape of the maps before it; None where there is none.
        inputs: float32 ``(inputs,)``.
        logits: Of the winner, the runner-up, and the class that was asked for when it
            is a third one.
        note: How layers after it, such as a rescaling, are counted in: their factors
            within the weights, what they add within the bias. None without such.
    """

    layer: str
    source: str
    source_shape: tuple[int, ...]
    flattening: str | None
    flattened_shape: tuple[int, ...] | None
    inputs: Array
    logits: tuple[LogitParts, ...]
    note: str | None


@dataclass(frozen=True, eq=False)
class Softmax:
    """From logits to probabilities, of the image as it is.

    Attributes:
        logits: float32 ``(classes,)``.
        probabilities: float32 ``(classes,)``: ``exp(logit)`` divided by their sum. The
            same as the prediction's, unless that is averaged over several views.
    """

    logits: Array
    probabilities: Array
