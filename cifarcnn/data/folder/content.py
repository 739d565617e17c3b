"""The images of a folder or list that were read, and the cut into their splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cifarcnn.data.decoded_cache import PARTS, DecodedStore, Part, ReadingRecord
from cifarcnn.data.duplicate_images import Pair, pair_up
from cifarcnn.data.folder import name_hash
from cifarcnn.data.folder.class_folders import ClassFolders, ImageEntry
from cifarcnn.data.folder.source import FolderSource
from cifarcnn.data.splits import (
    check_cut,
    choose_validation,
    require_training_images,
)


@dataclass(frozen=True)
class ReadImages:
    """The images of one split.

    Attributes:
        listed: What was there to be read.
        reading: What became of it.
    """

    listed: ClassFolders
    reading: ReadingRecord

    @cached_property
    def _kept(self) -> list[int]:
        failed = {position for position, _ in self.reading.failures}
        return [n for n in range(self.listed.count) if n not in failed]

    @cached_property
    def images(self) -> list[tuple[str, ImageEntry]]:
        """Those that could be read, each with its class, as in the arrays."""
        every = self.listed.images_by_class()
        return [every[position] for position in self._kept]

    @cached_property
    def names(self) -> list[str]:
        """What messages call them."""
        every = self.listed.image_names()
        return [every[position] for position in self._kept]

    @cached_property
    def damaged(self) -> list[str]:
        """What messages call the others, and why each of them cannot be read."""
        every = self.listed.image_names()
        return [f"{every[position]}: {why}" for position, why in self.reading.failures]


@dataclass(frozen=True)
class ValidationCut:
    """How a validation split is cut from the training images.

    Attributes:
        fraction: The share of them, 0 or more and less than 1; 0 cuts nothing.
        seed: 0 or more.
        fold: In place of both: the number of a fold, from 1 on, and how many there are.
    """

    fraction: float
    seed: int
    fold: tuple[int, int] | None = None


class FolderContent:
    """What was read.

    Attributes:
        layout: Which splits there are.
        target: What each image was brought to.
        parts: The images of each split, in the order of ``PARTS``.
    """

    def __init__(self, source: FolderSource, store: DecodedStore) -> None:
        self.layout = source.layout
        self.target = source.target
        self.parts: Mapping[Part, ReadImages] = {
            part: ReadImages(listed, store.readings[part])
            for part, listed in source.parts.items()
            if part in store.readings
        }
        self._duplicates = store.duplicates
        self._chosen: dict[ValidationCut, np.ndarray | None] = {}

    def labels(self, part: Part, class_names: Sequence[str]) -> np.ndarray:
        """The number of the class of each image of a split, int64 ``(n,)``."""
        numbers = {name: number for number, name in enumerate(class_names)}
        images = self.parts[part].images if part in self.parts else ()
        return np.array([numbers[name] for name, _ in images], np.int64)

    def choose_validation(
        self, class_names: Sequence[str], cut: ValidationCut
    ) -> np.ndarray | None:
        """Which training images go to validation.

        Where there is a folder ``train``, those of ``splits.choose_validation``; else,
        and for a fold, the names of the files decide, so that no image moves another.

        Returns:
            bool ``(n,)``; ``None`` where nothing is cut.

        Raises:
            UsageError: The fraction or the seed is out of range.
            DataError: A class would have nothing left to train on.
        """
        if cut not in self._chosen:
            self._chosen[cut] = self._choose_validation(class_names, cut)
        return self._chosen[cut]

    def _choose_validation(
        self, class_names: Sequence[str], cut: ValidationCut
    ) -> np.ndarray | None:
        check_cut(cut.fraction, cut.seed)
        if "validation" in self.parts:
            return None
        labels = self.labels("training", class_names)
        images = self.parts["training"].images
        if cut.fold is not None:
            number, count = cut.fold
            start, stop = (number - 1) / count, number / count
            found = name_hash.choose(name_hash.FOLD, images, start, stop)
            what = f"data.fold {number}/{count}"
        elif cut.fraction == 0:
            return None
        elif self.layout.has_train_folder:
            return choose_validation(labels, class_names, cut.fraction, cut.seed)
        else:
            salt = name_hash.validation_salt(cut.seed)
            found = name_hash.choose(salt, images, 0, cut.fraction)
            what = f"data.validation_fraction {cut.fraction}"
        chosen = np.array(found, bool)
        require_training_images(labels, chosen, class_names, what)
        return chosen

    def pairs(self, chosen: np.ndarray | None) -> dict[tuple[Part, Part], list[Pair]]:
        """Images that are there twice: see ``pair_up``; numbers as in ``names``.

        Args:
            chosen: The training images that go to validation.
        """
        if not self._duplicates:
            return {}
        numbers = [
            PARTS.index(part) for part, read in self.parts.items() for _ in read.images
        ]
        if chosen is not None:
            for place in np.flatnonzero(chosen):
                numbers[place] = PARTS.index("validation")
        found = pair_up(self._duplicates, numbers)
        return {(PARTS[one], PARTS[other]): p for (one, other), p in found.items()}

    @cached_property
    def names(self) -> list[str]:
        """What messages call the images of all splits, in the order of ``PARTS``."""
        return [name for read in self.parts.values() for name in read.names]

    @cached_property
    def classes(self) -> list[str]:
        """The class of each of them."""
        return [name for read in self.parts.values() for name, _ in read.images]
