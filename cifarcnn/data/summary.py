"""What a data set holds, in numbers and sentences, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cifarcnn.config import Config
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.decoded_cache import Part
from cifarcnn.data.folder.notes import describe_uneven_classes
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError

CutBy = Literal["seed", "fold", "file names"]


@dataclass(frozen=True)
class SplitContent:
    """One split.

    Attributes:
        images: How many there are.
        per_class: How many of each class.
        cut_by: What decides which images it has; ``None`` where files or folders do.
    """

    images: int
    per_class: tuple[int, ...]
    cut_by: CutBy | None


@dataclass(frozen=True)
class DatasetContent:
    """What a data set holds.

    Attributes:
        dataset: It.
        splits: Those that may be looked at: the test split of a folder alone, whose
            images are not. ``None`` for one that is not there.
        damaged: Images that were left out, and why each of them cannot be read.
        duplicates: Images with the same pixels as an earlier one: both, and the split
            that each of them is in.
        notes: What the user should know.
    """

    dataset: Dataset
    splits: dict[Part, SplitContent | None]
    damaged: tuple[str, ...]
    duplicates: tuple[tuple[str, Part, str, Part], ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The same, ready for ``json.dumps``."""
        names = self.dataset.class_names
        height, width, _ = self.dataset.image_shape
        return {
            "dataset": self.dataset.name,
            "origin": self.dataset.origin,
            "official": self.dataset.official,
            "checksum": self.dataset.checksum,
            "notice": self.dataset.notice,
            "image_size": [height, width],
            "class_names": list(names),
            "splits": {
                part: split
                and {
                    "images": split.images,
                    "per_class": dict(zip(names, split.per_class, strict=True)),
                    "cut_by": split.cut_by,
                }
                for part, split in self.splits.items()
            },
            "damaged": list(self.damaged),
            "duplicates": [
                {"image": image, "split": part, "same_as": other, "in": there}
                for image, part, other, there in self.duplicates
            ],
            "notes": list(self.notes),
        }


def describe_content(
    config: Config, dataset: Dataset, training: Split, validation: Split | None
) -> DatasetContent:
    """Count and describe what is in a data set.

    Args:
        config: That it was opened by.
        dataset: It.
        training: Its training split.
        validation: Its validation split.
    """
    count = len(dataset.class_names)
    folder = dataset.folder
    own = folder is not None and "validation" in folder.parts
    by_seed = folder is None or folder.layout.has_train_folder
    cut_by: CutBy = "seed" if by_seed else "file names"
    if dataset.fold is not None:
        cut_by = "fold"
    splits: dict[Part, SplitContent | None] = {
        "training": _count(training.labels, count, None),
        "validation": None,
    }
    if validation is not None:
        splits["validation"] = _count(validation.labels, count, None if own else cut_by)
    notes = [*dataset.training_notes(config), *dataset.test_notes(config)]
    duplicates = []
    if folder is not None:
        labels = folder.labels("test", dataset.class_names)
        by_names: CutBy | None = "file names" if folder.layout.is_cut else None
        splits["test"] = _count(labels, count, by_names) if len(labels) else None
        chosen = folder.choose_validation(dataset.class_names, dataset.cut(config))
        duplicates = [
            (folder.names[image], part, folder.names[other], there)
            for (part, there), pairs in folder.pairs(chosen).items()
            for image, other in pairs
        ]
    if config.training.class_weights is None and (
        uneven := describe_uneven_classes(training.labels, dataset.class_names)
    ):
        notes.append(uneven)
    try:
        dataset.require_different_images(config)
    except DataError:
        notes.append(
            "`train` refuses pictures that are in two splits: remove one of each, or "
            "accept them with --set data.duplicates=allow"
        )
    return DatasetContent(
        dataset, splits, tuple(dataset.damaged), tuple(duplicates), tuple(notes)
    )


def _count(labels: np.ndarray, classes: int, cut_by: CutBy | None) -> SplitContent:
    per_class = np.bincount(labels, minlength=classes).tolist()
    return SplitContent(len(labels), tuple(per_class), cut_by)
