"""Images of one's own: class folders, or a list."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from cifarcnn.config.datasets import DamagedChoice
from cifarcnn.data.class_folders import ClassFolders, list_some
from cifarcnn.data.decoded_cache import (
    PARTS,
    Decoded,
    Part,
    ReadingRecord,
    stamp_file,
)
from cifarcnn.data.duplicate_images import find_groups
from cifarcnn.data.folder_layout import FolderLayout, find_layout
from cifarcnn.data.folder_problems import (
    SHOWN,
    describe_unreadable,
    find_problems,
)
from cifarcnn.data.image.image_file import decode_image, read_bytes, silent_pillow
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.data.splits import Split, label_type
from cifarcnn.errors import DataError, ImageError

_ROUNDING = 1e-9  # the share of an image that only floating point cuts off


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

    @property
    def key(self) -> str:
        """Where the folder lies."""
        return f"folder-{hashlib.sha256(os.fsencode(self._root)).hexdigest()[:16]}"

    @cached_property
    def layout(self) -> FolderLayout:
        """Its splits.

        Raises:
            DataError: A folder in it, or the list, cannot be read.
        """
        return find_layout(Path(self.origin), self._test_fraction)

    def signature(self) -> dict[str, JsonValue]:
        """Path, sizes and times of every image, as one digest."""
        digest = hashlib.sha256()
        for split in self.layout.splits:
            for name, entries in split.images.items():
                digest.update(os.fsencode(f"{split.title}/{name}/\n"))
                for entry in entries:
                    digest.update(os.fsencode(f"{stamp_file(entry)}\n"))
        return {
            "path": ascii(str(self._root)),
            "files": digest.hexdigest(),
            "image_shape": list(self.image_shape),
            "resize": self.target.resize,
            "damaged": self._damaged,
        }

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
        for part, listed in self.parts.items():
            if listed.count:
                splits[part], readings[part] = read_split(listed, names, self.target)
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
            duplicates=find_groups(
                splits[part].images for part in PARTS if part in splits
            ),
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


def read_split(
    listed: ClassFolders, class_names: Sequence[str], target: TargetSize
) -> tuple[Split, ReadingRecord]:
    """Read all that is listed; a class may be missing, or have no image.

    Args:
        listed: The images of each class; those of other classes are not read.
        class_names: In the order of the labels.
        target: What each image is brought to.
    """
    images, labels, shares, failures = [], [], [], []
    notes: list[str] = []
    numbers = {name: label for label, name in enumerate(class_names)}
    with silent_pillow():
        for position, (name, entry) in enumerate(listed.images_by_class()):
            if name not in numbers:
                continue
            path = Path(entry.path)
            try:
                data = read_bytes(path)
                image, share = decode_image(data, path.name, target, notes.append)
            except ImageError as error:
                failures.append((position, str(error)))
                continue
            images.append(image)
            shares.append(share)
            labels.append(numbers[name])
    stacked = np.array(images, np.uint8).reshape(-1, target.height, target.width, 3)
    cropped = [share for share in shares if share > _ROUNDING]
    return (
        Split(stacked, np.array(labels, label_type(len(class_names)))),
        ReadingRecord(
            len(cropped), max(cropped, default=0.0), Counter(notes), tuple(failures)
        ),
    )


def describe_failures(listed: ClassFolders, reading: ReadingRecord) -> list[str]:
    """For each image that cannot be read its path, and why."""
    entries = [entry for _, entry in listed.images_by_class()]
    return [f"{entries[position].path}: {why}" for position, why in reading.failures]
