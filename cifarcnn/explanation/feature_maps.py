"""The maps of every convolution, and the images that excite some of them most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.explanation.activations import CUTTING
from cifarcnn.explanation.convolution_step import NO_CONVOLUTION, strength_of
from cifarcnn.explanation.explanation import (
    Deeper,
    ExcitedUnit,
    FeatureMaps,
    Missing,
    Patch,
)
from cifarcnn.explanation.fields import Box, ReceptiveField
from cifarcnn.explanation.layer_outputs import OpenedNetwork
from cifarcnn.explanation.references import References
from cifarcnn.explanation.steps import Step, Steps, convolutions, maps_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Chosen so that a page can show them side by side.
LAYERS = 4
UNITS = 4
PATCHES = 9
# Values that may stand in memory at once, of all steps together: 128 MB.
_MOST_VALUES = 2**25
_MOST_IMAGES = 256


def show_feature_maps(
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
    return tuple(found) or NO_CONVOLUTION


@dataclass(frozen=True, eq=False)
class _Peaks:
    """The largest value of each channel in each image, ``(n, channels)``.

    Attributes:
        values: float32.
        places: int, row times width plus column.
        strength: float64 ``(channels,)``: mean of the absolute values over everything.
    """

    values: Array
    places: Array
    strength: Array


def find_exciting(
    network: OpenedNetwork,
    fields: Mapping[str, ReceptiveField],
    references: References | Missing,
    maps: Sequence[FeatureMaps] = (),
) -> Deeper | Missing:
    """The patches that excite some units of up to four convolutions most.

    The convolutions are evenly spread from the first to the last. Of each the four
    strongest channels are taken.

    Args:
        network: The network.
        fields: The receptive fields of every step.
        references: The images to look at, or why there are none.
        maps: Those of one image, which then chooses the channels; empty chooses
            those that are strongest over all images.
    """
    found = convolutions(network.steps)
    if not found:
        return NO_CONVOLUTION
    if isinstance(references, Missing):
        return references
    places = _spread(len(found), LAYERS)
    chosen = [(found[at], maps_of(network.steps, found[at])[0]) for at in places]
    peaks = _find_peaks(network, references.images, [step for _, step in chosen])
    units: list[ExcitedUnit] = []
    for at, (convolution, step) in zip(places, chosen, strict=True):
        peak = peaks[step.name]
        strength = maps[at].strength if maps else peak.strength
        order = (-strength).argsort(kind="stable")
        units += [
            ExcitedUnit(
                layer=convolution.name,
                taken_after=step.owner,
                channel=int(channel),
                patches=_cut_patches(
                    peak, int(channel), step, fields[step.name], references
                ),
            )
            for channel in order[:UNITS]
        ]
    return Deeper(
        units=tuple(units),
        split=references.split,
        images=len(references.images),
        note=references.note,
    )


def _spread(count: int, most: int) -> list[int]:
    """At most ``most`` of the numbers below ``count``, with the first and the last."""
    if count <= most:
        return list(range(count))
    return [round(at * (count - 1) / (most - 1)) for at in range(most)]


def _find_peaks(
    network: OpenedNetwork, images: Array, steps: Sequence[Step]
) -> dict[str, _Peaks]:
    import numpy as np

    from cifarcnn.network.weights import to_numpy

    model = network.outputs({step.name for step in steps})
    total = sum(int(np.prod(step.shape)) for step in network.steps.values())
    size = max(1, min(_MOST_IMAGES, _MOST_VALUES // total))
    values: dict[str, list[Array]] = {step.name: [] for step in steps}
    places: dict[str, list[Array]] = {step.name: [] for step in steps}
    sums: dict[str, Any] = {step.name: 0.0 for step in steps}
    for start in range(0, len(images), size):
        results = model(images[start : start + size], training=False)
        for name in values:
            maps = to_numpy(results[name])
            flat = maps.reshape(len(maps), -1, maps.shape[-1])
            values[name].append(flat.max(axis=1))
            places[name].append(flat.argmax(axis=1))
            sums[name] += np.abs(flat).mean(axis=1, dtype=np.float64).sum(axis=0)
    return {
        name: _Peaks(
            np.concatenate(values[name]),
            np.concatenate(places[name]),
            sums[name] / len(images),
        )
        for name in values
    }


def _cut_patches(
    peaks: _Peaks,
    channel: int,
    step: Step,
    field: ReceptiveField,
    references: References,
) -> tuple[Patch, ...]:
    order = (-peaks.values[:, channel]).argsort(kind="stable")[:PATCHES]
    patches = []
    for at in order.tolist():
        if step.activation in CUTTING and peaks.values[at, channel] <= 0:
            # What was cut off to 0 does not excite.
            break
        row, column = divmod(int(peaks.places[at, channel]), step.shape[1])
        box = field.box(row, column)
        patches.append(
            Patch(
                pixels=_cut(references.images[at], box),
                value=float(peaks.values[at, channel]),
                index=int(references.index[at]),
                label=references.labels[at],
                box=box,
            )
        )
    return tuple(patches)


def _cut(image: Array, box: Box) -> Array:
    return image[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
