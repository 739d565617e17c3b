"""The logits of some classes taken apart into the terms of the last dense layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarcnn.config.layers.dense import Rescaling
from cifarcnn.config.layers.normalization import BatchNormalization
from cifarcnn.explanation.steps import GLOBAL_POOLINGS, IN_PLACE, Missing, Step, Steps

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
STRONGEST = 12
_IDLE = frozenset({"AlphaDropout", "Dropout", "GaussianNoise"})  # act in training only
_AFFINE = frozenset({"Rescaling", "BatchNormalization"})


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
class LogitTerms:
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
class DenseContributions:
    """The last dense layer, which makes the logits.

    Attributes:
        layer: Its name.
        source: Name of the layer whose values it weighs.
        source_shape: ``(height, width, channels)`` when they were maps, flattened in
            reading order; else ``(inputs,)``.
        flattening: Name of the flatten or global pooling layer that made one row of
            the maps; None where there is none.
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
    logits: tuple[LogitTerms, ...]
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


def explain_dense(
    steps: Steps, weights: Arrays, values: Arrays, classes: Sequence[int]
) -> DenseContributions | Missing:
    """What the last dense layer makes of its inputs.

    Args:
        steps: The network.
        weights: Its arrays by name.
        values: The result of every step for the image, without the batch.
        classes: Whose logits.
    """
    last = list(steps.values())[-1]
    found = _find_dense(steps, last)
    if isinstance(found, Missing):
        return found
    dense, later = found
    inputs = values[dense.inputs[0]]
    # In double precision, so that only the network's own rounding is left.
    kernel = weights[f"{dense.name}/kernel"].astype(np.float64)
    bias = weights.get(f"{dense.name}/bias")
    factor, shift = _follow_up(later, weights, kernel.shape[1])
    added = shift if bias is None else factor * bias + shift
    source = _source(steps, dense)
    logits = values[last.name]
    flattening = _find_flattening(steps, dense)
    return DenseContributions(
        layer=dense.name,
        source=source.owner,
        source_shape=source.shape,
        flattening=None if flattening is None else flattening.name,
        flattened_shape=(
            None if flattening is None else steps[flattening.inputs[0]].shape
        ),
        inputs=inputs,
        logits=tuple(
            _take_apart(
                index,
                float(logits[index]),
                inputs,
                kernel[:, index] * factor[index],
                float(added[index]),
                source.shape,
            )
            for index in classes
        ),
        note=_note(later),
    )


def _find_dense(steps: Steps, last: Step) -> tuple[Step, list[Step]] | Missing:
    """The last dense layer, and what changes its results by a factor and a number."""
    later: list[Step] = []
    step = last
    while step.kind != "Dense":
        plain = step.kind == "Activation" and step.activation == "linear"
        if not plain and step.kind not in _IDLE | _AFFINE:
            return Missing(
                f"The logits come from {step.owner} ({step.kind}), not from a dense "
                "layer, and are not sums of inputs times weights."
            )
        later.insert(0, step)
        step = steps[step.inputs[0]]
    return step, later


def _follow_up(
    later: Sequence[Step], weights: Arrays, units: int
) -> tuple[Array, Array]:
    """Factor and summand that later layers apply to each unit, float64."""
    factor, shift = np.ones(units), np.zeros(units)
    for step in later:
        layer = step.layer
        if isinstance(layer, Rescaling):
            scale, offset = np.array(layer.scale), np.array(layer.offset)
        elif isinstance(layer, BatchNormalization):
            zeros, ones = np.zeros(units), np.ones(units)
            variance = weights[f"{step.name}/moving_variance"].astype(np.float64)
            gamma = weights.get(f"{step.name}/gamma", ones)
            beta = weights.get(f"{step.name}/beta", zeros)
            scale = gamma / np.sqrt(variance + layer.epsilon)
            offset = beta - weights[f"{step.name}/moving_mean"] * scale
        else:
            continue
        factor, shift = factor * scale, shift * scale + offset
    return factor, shift


def _source(steps: Steps, dense: Step) -> Step:
    """Whose values the dense layer weighs: before a flatten, if there is one."""
    step = steps[dense.inputs[0]]
    before = step
    while before.kind in IN_PLACE and before.inputs:
        before = steps[before.inputs[0]]
    return steps[before.inputs[0]] if before.kind == "Flatten" else step


def _find_flattening(steps: Steps, dense: Step) -> Step | None:
    """What made a row of the last maps of several cells before the dense layer."""
    found: Step | None = None
    step = dense
    while step.inputs:
        before = steps[step.inputs[0]]
        if before.is_map and step.kind in GLOBAL_POOLINGS | {"Flatten"}:
            found = step
        if before.is_map and before.shape[:2] != (1, 1):
            break
        step = before
    return found


def _take_apart(
    index: int,
    logit: float,
    inputs: Array,
    weights: Array,
    bias: float,
    shape: tuple[int, ...],
) -> LogitTerms:
    contributions = inputs * weights
    order = (-np.abs(contributions)).argsort(kind="stable")
    strongest = [
        Contribution(
            index=int(at),
            place=tuple(int(side) for side in np.unravel_index(at, shape)),
            value=float(inputs[at]),
            weight=float(weights[at]),
            contribution=float(contributions[at]),
        )
        for at in order[:STRONGEST]
    ]
    return LogitTerms(
        class_index=index,
        logit=logit,
        bias=bias,
        weights=weights.astype(np.float32),
        contributions=contributions.astype(np.float32),
        strongest=tuple(strongest),
        rest=float(contributions[order[STRONGEST:]].sum()),
    )


def _note(later: Sequence[Step]) -> str | None:
    names = [step.owner for step in later if step.kind in _AFFINE]
    if not names:
        return None
    comes, multiplies, adds = "comes", "multiplies", "adds"
    if len(names) > 1:
        comes, multiplies, adds = "come", "multiply", "add"
    return (
        f"After this layer {comes} {' and '.join(names)}, which {multiplies} every sum "
        f"and {adds} a number: the factors are counted into the weights, the numbers "
        "into the bias."
    )
