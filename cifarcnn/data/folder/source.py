"""Images of one's own: class folders, or a list."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from cifarcnn.config.datasets import DamagedChoice, Data
from cifarcnn.data.decoded_cache import (
    Decoded,
    Part,
    ReadingRecord,
)
from cifarcnn.data.folder.class_folders import ClassFolders, list_some
from cifarcnn.data.folder.layout import FolderLayout, find_layout
from cifarcnn.data.folder.problems import (
    SHOWN,
    describe_unreadable,
    find_problems,
)
from cifarcnn.data.folder.reading import read_splits
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError


class UnreadableImagesError(DataError):
    """Images of a folder cannot be read.

    Attributes:
        complete: The message with all of them.
    """

    def __init__(self, message: str, complete: str) -> None:
        self.complete = complete
        super().__init__(message)


class FolderSource:
    """A folder with a folder for each class, or a list of images.

    The classes are sorted by name. Images are taken in the order of their names and
    read as ``predict`` reads them. What is there is listed once.
    """

    notice = None

    def __init__(
        self,
        root: Path,
        target: TargetSize,
        *,
        test_fraction: float,
        damaged: DamagedChoice,
    ) -> None:
        """Name a folder, which is not looked at yet.

        Args:
            root: The folder or list.
            target: What each image is brought to.
            test_fraction: The share that is cut off for the test where it has no
                splits of its own.
            damaged: What becomes of images that cannot be read.
        """
        self.image_shape = target.height, target.width, 3
        self.target = target
        self._root = root.absolute()
        self._test_fraction = test_fraction
        self._damaged = damaged
        self.origin = str(root)

    @classmethod
    def of(cls, root: Path, settings: Data) -> Self:
        """A folder with what a config says of it."""
        return cls(
            root,
            TargetSize.of(settings),
            test_fraction=settings.test_fraction,
            damaged=settings.damaged,
        )

    @property
    def key(self) -> str:
        """Where the folder lies."""
        return folder_key(self._root)

    @cached_property
    def layout(self) -> FolderLayout:
        """Its splits.

        Raises:
            DataError: A folder in it, or the list, cannot be read.
        """
        return find_layout(Path(self.origin), self._test_fraction)

    def signature(self) -> None:
        """None: what was read is kept by ``decoded_files``, image by image."""

    def decode(self) -> Decoded:
        """Read every image.

        Raises:
            UnreadableImagesError: Images cannot be read, and shall not be left out.
            DataError: The layout or the list is wrong, the number of classes is, a
                class has no training images, another split has a class that the
                training has not, or two folders are for validation. All that is wrong
                is told at once.
        """
        layout = self.layout
        sentences, worth_reading = find_problems(layout, self._test_fraction)
        if layout.train is None or not worth_reading:
            raise DataError("\n".join(sentences))
        names = tuple(layout.train.images)
        splits: dict[str, Split] = {}
        readings: dict[str, ReadingRecord] = {}
        failures: list[str] = []
        parts = {part: found for part, found in self.parts.items() if found.count}
        read = read_splits(self.key, list(parts.values()), names, self.target)
        digests: dict[Part, np.ndarray] = {}
        for (part, listed), found in zip(parts.items(), read, strict=True):
            splits[part], digests[part], readings[part] = found
            failures += describe_failures(listed, readings[part])
        if failures and self._damaged == "refuse":
            some, every = (
                "\n".join([*sentences, describe_unreadable(layout.root, failures, n)])
                for n in (SHOWN, len(failures))
            )
            raise UnreadableImagesError(some, every)
        if failures and not sentences:
            left = np.bincount(splits["training"].labels, minlength=len(names))
            if empty := [n for n, count in zip(names, left, strict=True) if not count]:
                sentences.append(
                    f"{layout.root}: none of the training pictures of "
                    f"{list_some(empty)} can be read."
                )
        if sentences:
            raise DataError("\n".join(sentences))
        return Decoded(
            names,
            splits["training"],
            splits.get("test"),
            official=False,
            validation=splits.get("validation"),
            readings=readings,
            digests=digests,
        )

    @property
    def parts(self) -> dict[Part, ClassFolders]:
        """Its splits, in the order of ``PARTS``; empty validation folders are none."""
        layout = self.layout
        found: dict[Part, ClassFolders | None] = {
            "training": layout.train,
            "validation": layout.validation,
            "test": layout.test,
        }
        return {part: split for part, split in found.items() if split is not None}


def folder_key(path: Path) -> str:
    """The name of a folder of the cache, for one whose absolute path is given."""
    return f"folder-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"


def describe_failures(listed: ClassFolders, reading: ReadingRecord) -> list[str]:
    """For each image that cannot be read its path, and why."""
    entries = [entry for _, entry in listed.images_by_class()]
    return [f"{entries[position].path}: {why}" for position, why in reading.failures]
