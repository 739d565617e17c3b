"""The patches of images that excite channels of convolutions most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from cifarcnn.config import Config
from cifarcnn.data.dataset import Dataset
from cifarcnn.errors import DataError
from cifarcnn.explanation.activations import CUTTING
from cifarcnn.explanation.feature_maps import FeatureMaps
from cifarcnn.explanation.layer_outputs import LayerOutputModel
from cifarcnn.explanation.network_input import Box
from cifarcnn.explanation.receptive_field import ReceptiveField
from cifarcnn.explanation.steps import (
    Missing,
    Step,
    convolutions,
    maps_of,
    no_convolution,
)
from cifarcnn.network.predict import leave_out_xla
from cifarcnn.network.weights import to_numpy

Array = np.ndarray[Any, Any]
# Chosen so that a page can show them side by side.
LAYERS = 4
UNITS = 4
PATCHES = 9
MOST_IMAGES = 2000
FEWEST_IMAGES = 32
# Multiply-accumulates for all images together: a few seconds on two cores.
MOST_MACS = 2 * 10**11
# And what they take in memory: 64 MB.
_MOST_BYTES = 2**26
# Values that may stand in memory at once, of all steps together: 128 MB.
_MOST_VALUES = 2**25
_MOST_IMAGES = 256


@dataclass(frozen=True, eq=False)
class Patch:
    """A piece of an image that excites a unit.

    Attributes:
        pixels: uint8 ``(height, width, 3)``: what the unit sees there; smaller at the
            border of the image than in the middle, and none where it sees only
            padding.
        value: The value of the unit there.
        index: Number of the image in its split, from 0.
        label: Name of the image's class.
        box: Where the patch lies in its image.
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
class ExcitingPatches:
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


@dataclass(frozen=True, eq=False)
class ReferenceImages:
    """Images evenly spread over a split; never the test split.

    Attributes:
        split: ``validation``, or ``training`` where there is no validation split.
        images: uint8 ``(n, height, width, 3)``.
        index: int ``(n,)``: the number of each in its split.
        labels: The name of the class of each.
        note: Where they come from, in a sentence.
    """

    split: str
    images: Array
    index: Array
    labels: tuple[str, ...]
    note: str


def choose_reference_images(
    open_data: Callable[[], Dataset], config: Config, macs: int
) -> ReferenceImages | Missing:
    """Images of the validation split, or of the training split.

    Args:
        open_data: Opens the data set of the config.
        config: Says how the validation split was cut.
        macs: Multiply-accumulates of the network for one image: a large network looks
            at fewer images than the 2,000 that a small one looks at.

    Returns:
        Why there are none, where the data set is not on this machine.
    """
    try:
        dataset = open_data()
        training, validation = dataset.training(
            config.data.validation_fraction, config.training.seed
        )
    except DataError as error:
        return Missing(
            f"The pictures that the network learnt from are not here. {error}"
        )
    source = training if validation is None else validation
    split = "training" if validation is None else "validation"
    affordable = max(FEWEST_IMAGES, MOST_MACS // max(macs, 1))
    fitting = max(FEWEST_IMAGES, _MOST_BYTES // prod(config.image_shape))
    count = min(len(source), MOST_IMAGES, affordable, fitting)
    index = np.arange(count) * len(source) // count
    note = f"The patches come from {count:,} of the {len(source):,} {split} pictures."
    if validation is None:
        note += (
            " The network has learnt from them, since no validation pictures were kept "
            "apart."
        )
    if dataset.notice:
        note += f" They are {dataset.notice}."
    return ReferenceImages(
        split=split,
        images=source.images[index],
        index=index,
        labels=tuple(dataset.class_names[label] for label in source.labels[index]),
        note=note,
    )


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


def find_exciting_patches(
    network: LayerOutputModel,
    fields: Mapping[str, ReceptiveField],
    references: ReferenceImages | Missing,
    maps: Sequence[FeatureMaps] = (),
) -> ExcitingPatches | Missing:
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
        return no_convolution(network.steps)
    if isinstance(references, Missing):
        return references
    places = np.linspace(0, len(found) - 1, min(len(found), LAYERS)).round().astype(int)
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
    return ExcitingPatches(
        units=tuple(units),
        split=references.split,
        images=len(references.images),
        note=references.note,
    )


def _find_peaks(
    network: LayerOutputModel, images: Array, steps: Sequence[Step]
) -> dict[str, _Peaks]:
    model = network.outputs({step.name for step in steps})
    total = sum(int(np.prod(step.shape)) for step in network.steps.values())
    size = max(1, min(_MOST_IMAGES, _MOST_VALUES // total))
    leave_out_xla(model)
    batches: dict[str, list[tuple[Array, Array, Array]]] = defaultdict(list)
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        if len(batch) == size < _MOST_IMAGES:
            # A deep network: one by one its many operations take several times as long.
            results = model.predict_on_batch(batch)
        else:
            results = model(batch, training=False)
        for name, result in results.items():
            maps = to_numpy(result)
            flat = maps.reshape(len(maps), -1, maps.shape[-1])
            strength = np.abs(flat).mean(axis=1, dtype=np.float64)
            batches[name].append((flat.max(axis=1), flat.argmax(axis=1), strength))
    peaks = {}
    for name, parts in batches.items():
        values, places, strength = map(np.concatenate, zip(*parts, strict=True))
        peaks[name] = _Peaks(values, places, strength.mean(axis=0))
    return peaks


def _cut_patches(
    peaks: _Peaks,
    channel: int,
    step: Step,
    field: ReceptiveField,
    references: ReferenceImages,
) -> tuple[Patch, ...]:
    order = (-peaks.values[:, channel]).argsort(kind="stable")[:PATCHES]
    patches = []
    for at in order.tolist():
        if step.activation in CUTTING and peaks.values[at, channel] <= 0:
            # What was cut off to 0 does not excite.
            break
        row, column = divmod(int(peaks.places[at, channel]), step.shape[1])
        patches.append(
            Patch(
                pixels=references.images[at][
                    slice(*field.rows[row]), slice(*field.columns[column])
                ],
                value=float(peaks.values[at, channel]),
                index=int(references.index[at]),
                label=references.labels[at],
                box=field.box(row, column),
            )
        )
    return tuple(patches)
