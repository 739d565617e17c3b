"""What a network is trained on: the splits, and how much each class counts.

Keras is not imported, so that what does not fit is told before it starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cifarcnn.config import Config, summarize
from cifarcnn.config.summary import require_classes
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.folder.class_folders import list_some
from cifarcnn.data.folder.notes import describe_uneven_classes
from cifarcnn.data.selected_rows import select_rows
from cifarcnn.data.splits import Split
from cifarcnn.errors import UsageError

SMOKE_IMAGES = 512
_LISTED = 20  # classes in a message

ClassWeights = Literal["balanced"] | Mapping[str, float] | None


@dataclass(frozen=True)
class TrainingData:
    """The images of one training.

    Attributes:
        dataset: Where they come from.
        split: The images to learn from.
        validation: Those judged after each epoch; ``None`` for none.
        class_weights: How much an image of each class counts in the loss, float32
            ``(classes,)``; ``None`` when all count the same.
        smoke: Whether this is only a trial on few images.
        streamed: Whether images come to the device as they are used; ``None``: where
            they are too many to lie there.
    """

    dataset: Dataset
    split: Split
    validation: Split | None
    class_weights: np.ndarray | None
    smoke: bool
    streamed: bool | None = None

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return len(self.dataset.class_names)


def load_training_data(
    config: Config, dataset: Dataset, smoke: bool = False
) -> TrainingData:
    """Cut the splits of a data set.

    Args:
        config: Its ``data`` and ``training``.
        dataset: The images; its test split is not opened.
        smoke: Take at most 512 images of each split.

    Raises:
        UsageError: The network or a class weight does not fit the classes.
    """
    settings, names = config.training, dataset.class_names
    require_classes(summarize(config).rows[-1].output_shape, len(names))
    split, validation = dataset.training(config.data.validation_fraction, settings.seed)
    if smoke:
        split = choose_for_smoke(split)
        validation = choose_for_smoke(validation) if validation else None
    class_weights = weigh_classes(settings.class_weights, split.labels, names)
    return TrainingData(dataset, split, validation, class_weights, smoke)


def describe_training_data(config: Config, data: TrainingData) -> list[str]:
    """What the user should know of the images to learn from."""
    notes = data.dataset.training_notes(config)
    if config.training.class_weights is not None:
        return notes
    names = data.dataset.class_names
    uneven = describe_uneven_classes(data.split.labels, names)
    return notes if uneven is None else [*notes, uneven]


def choose_for_smoke(split: Split) -> Split:
    """At most 512 images, evenly spaced: sorted data keeps all its classes."""
    if len(split.labels) <= SMOKE_IMAGES:
        return split
    places = np.linspace(0, len(split.labels) - 1, SMOKE_IMAGES).round().astype(int)
    return Split(select_rows(split.images, places), split.labels[places])


def weigh_classes(
    class_weights: ClassWeights, labels: np.ndarray, class_names: Sequence[str]
) -> np.ndarray | None:
    """How much an image of each class counts in the loss.

    ``balanced`` gives each of ``k`` classes ``n / (k * count)`` of ``n`` images, so
    that all classes weigh the same together and the mean weight is 1. Classes that a
    mapping leaves out weigh 1.

    Args:
        class_weights: From the config.
        labels: The class of each training image.
        class_names: In the order of the labels.

    Returns:
        float32 ``(classes,)``, or ``None`` when all count the same.

    Raises:
        UsageError: A name is no class of the data set.
    """
    if class_weights is None:
        return None
    count = len(class_names)
    if class_weights == "balanced":
        present = np.bincount(labels, minlength=count)
        # A class without an image has no loss to weigh.
        weights = len(labels) / (count * np.maximum(present, 1))
        return np.asarray(weights, dtype=np.float32)
    unknown = [name for name in class_weights if name not in class_names]
    if unknown:
        listed = list_some([repr(name) for name in unknown])
        raise UsageError(
            f"training.class_weights names {listed}, but the classes are "
            f"{list_some(class_names, _LISTED)}."
        )
    return np.array([class_weights.get(n, 1.0) for n in class_names], dtype=np.float32)
