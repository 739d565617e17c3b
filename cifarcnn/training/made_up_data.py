"""Images that are made up, as many and as large as those of a config.

How long a step takes does not depend on what its images show, so that they serve to
measure it: at once, without the data set, and without decoding a picture.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np

from cifarcnn.config import ChannelStatistics, Config, summarize
from cifarcnn.config.summary import require_classes
from cifarcnn.data.cifar.facts import CIFAR_DATASETS
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.decoded_cache import DecodedStore
from cifarcnn.data.folder.problems import find_problems
from cifarcnn.data.folder.source import FolderSource
from cifarcnn.data.splits import Split, choose_fold, choose_validation, label_type
from cifarcnn.data.statistics import measure_statistics
from cifarcnn.data.synthetic import TRAINING_IMAGES
from cifarcnn.errors import DataError
from cifarcnn.training.training_data import TrainingData, weigh_classes

# Of a folder that is not here: as many as CIFAR-10 has.
_ASSUMED_IMAGES = 50_000
# Those of a folder lie in a file: all others are black here, and take no memory either.
_DRAWN_IMAGES = 1000
# Of those that come to the device as they are used a part stands for all of them.
MOST_STREAMED_BYTES = 2**31

Labels = np.ndarray[Any, np.dtype[np.unsignedinteger[Any]]]


@dataclass(frozen=True)
class Counts:
    """What there is to train on.

    Attributes:
        class_names: In the order of the labels.
        training: Labels of the images to learn from.
        validation: Of those to validate by; empty for none.
        note: What is assumed of them; ``None``: nothing.
    """

    class_names: tuple[str, ...]
    training: Labels
    validation: Labels
    note: str | None = None


def count_images(config: Config) -> Counts:
    """How many images a config has; those of a folder are counted, and not opened.

    Raises:
        DataError: The folder is there, and cannot be trained on.
        UsageError: The network does not fit its classes.
    """
    data = config.data
    last = summarize(config).rows[-1].output_shape
    note = None
    if data.dataset == "folder":
        path = Path(os.path.expanduser(data.path or ""))
        if data.path and os.path.lexists(path):
            return _count_folder(config, path)
        count = _ASSUMED_IMAGES
        names = tuple(data.classes or map(str, range(1, last[0] + 1)))
        note = (
            f"there is nothing at {data.path or 'data.path'}: {count:,} pictures to "
            "learn from and to validate by are assumed"
        )
    else:
        names = tuple(data.classes or ())
        cifar = CIFAR_DATASETS.get(data.dataset)
        count = cifar.training_images if cifar else TRAINING_IMAGES
        names = names or (cifar or CIFAR_DATASETS["cifar10"]).class_names
    require_classes(last, len(names))
    labels = (np.arange(count) % len(names)).astype(label_type(len(names)))
    return _cut(config, names, labels, note)


def _count_folder(config: Config, path: Path) -> Counts:
    data = config.data
    source = FolderSource.of(path, data)
    problems, _ = find_problems(source.layout, data.test_fraction)
    if problems:
        raise DataError("\n".join(problems))
    parts = source.parts
    names = tuple(parts["training"].images)
    require_classes(summarize(config).rows[-1].output_shape, len(names))

    def labels(part: Any) -> Labels:
        images = parts[part].images
        counts = [len(images.get(name, ())) for name in names]
        return np.repeat(np.arange(len(names), dtype=label_type(len(names))), counts)

    if "validation" in parts:
        return Counts(names, labels("training"), labels("validation"))
    return _cut(config, names, labels("training"), None)


def _cut(
    config: Config, names: Sequence[str], labels: Labels, note: str | None
) -> Counts:
    """Cut the validation images off, as many as the training does."""
    fold, fraction = config.data.fold_number, config.data.validation_fraction
    chosen = np.zeros(len(labels), bool)
    if fold is not None:
        chosen = choose_fold(labels, names, fold)
    elif fraction:
        chosen = choose_validation(labels, names, fraction, config.training.seed)
    return Counts(tuple(names), labels[~chosen], labels[chosen], note)


def with_some_normalization(config: Config, data: TrainingData) -> Config:
    """The config with some numbers in place of ``standard`` normalization."""
    if config.data.normalization != "standard":
        return config
    # As the training does it, for it takes memory.
    mean, deviation = measure_statistics(data.split.images[:_ASSUMED_IMAGES])
    return config.with_normalization(ChannelStatistics(mean=mean, deviation=deviation))


def make_data(config: Config, counts: Counts, *, streamed: bool) -> TrainingData:
    """Images to go with labels.

    Args:
        config: Their size.
        counts: How many, and of which classes.
        streamed: Whether they come to the device as they are used: then there are no
            more than a part of them.
    """
    shape = config.image_shape
    most = MOST_STREAMED_BYTES // prod(shape) if streamed else None
    training, validation = counts.training[:most], counts.validation[:most]
    held = config.data.dataset != "folder"

    def draw(labels: Labels) -> Split:
        return Split(_draw(len(labels), shape, held), labels)

    dataset = Dataset(
        name=config.data.dataset,
        class_names=counts.class_names,
        origin="made up",
        checksum="",
        official=False,
        notice=None,
        # Nobody opens it: the splits are there.
        store=cast(DecodedStore, None),
        image_shape=shape,
    )
    weighted = config.training.class_weights is not None
    return TrainingData(
        dataset,
        draw(training),
        draw(validation) if len(validation) else None,
        weigh_classes("balanced" if weighted else None, training, dataset.class_names),
        smoke=False,
        streamed=streamed,
    )


def _draw(count: int, shape: tuple[int, ...], held: bool) -> np.ndarray[Any, Any]:
    images = np.zeros((count, *shape), np.uint8)
    some = images[:_DRAWN_IMAGES]
    some[:] = np.random.default_rng(0).integers(0, 256, some.shape, np.uint8)
    if held:
        for first in range(len(some), count, len(some)):
            part = images[first : first + len(some)]
            part[:] = some[: len(part)]
    return images
