"""Images of one's own: ``train/<class>/<image>`` and ``test/<class>/<image>``."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from cifarcnn.config.datasets import ImageShape
from cifarcnn.data.decoded_cache import Decoded, ReadingRecord
from cifarcnn.data.folder_layout import (
    ClassFolders,
    FolderLayout,
    find_layout,
    list_class_folders,
)
from cifarcnn.data.folder_notes import describe_listing, describe_reading
from cifarcnn.data.folder_problems import (
    describe_unreadable,
    find_foreign_classes,
    find_problems,
)
from cifarcnn.data.image.cropped_share import measure_cropped_share
from cifarcnn.data.image.image_file import read_image, silent_pillow
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError, ImageError

_ROUNDING = 1e-9  # the share of an image that only floating point cuts off


class FolderSource:
    """A folder with a folder for each class.

    The classes are the folders in ``train``, sorted by name. Images are taken in
    the order of their names and read as ``predict`` reads them. What is in the folder
    is listed once.
    """

    notice = None

    def __init__(self, root: Path, image_shape: ImageShape) -> None:
        self.image_shape = image_shape
        self._root = root.absolute()
        self.origin = str(root)

    @property
    def key(self) -> str:
        """Where the folder lies."""
        return f"folder-{hashlib.sha256(os.fsencode(self._root)).hexdigest()[:16]}"

    @cached_property
    def layout(self) -> FolderLayout:
        """Its splits.

        Raises:
            DataError: A folder in it cannot be read.
        """
        return find_layout(self._root)

    def signature(self) -> dict[str, JsonValue]:
        """Path, sizes and times of every image, as one digest."""
        digest = hashlib.sha256()
        for split in self.layout.splits:
            for name, entries in split.images.items():
                digest.update(os.fsencode(f"{split.path.name}/{name}/\n"))
                for entry in entries:
                    digest.update(os.fsencode(f"{_stamp(entry)}\n"))
        return {
            "path": ascii(str(self._root)),
            "files": digest.hexdigest(),
            "image_shape": list(self.image_shape),
        }

    def decode(self) -> Decoded:
        """Read every image.

        Raises:
            DataError: There is no ``train`` folder or no class in it, there are more
                than 256 classes, a class is not named in UTF-8, a class has no
                training images, another split has a class that ``train`` has not,
                there are two folders for validation, or images cannot be read. All
                that is wrong is told at once.
        """
        layout = self.layout
        problems = find_problems(layout)
        if layout.train is None or not problems.worth_reading:
            raise DataError("\n".join(problems.sentences))
        failures: list[str] = []
        names = tuple(layout.train.images)
        splits: dict[str, Split] = {}
        readings: dict[str, ReadingRecord] = {}
        for part, listed in (
            ("training", layout.train),
            ("validation", layout.validation),
            ("test", layout.test),
        ):
            if listed is not None and listed.count:
                splits[part], readings[part] = _read_split(
                    listed, names, self.image_shape, failures
                )
        sentences = problems.sentences
        if failures:
            sentences = [*sentences, describe_unreadable(self._root, failures)]
        if sentences:
            raise DataError("\n".join(sentences))
        return Decoded(
            names,
            splits["training"],
            splits.get("test"),
            official=False,
            validation=splits.get("validation"),
            readings=readings,
        )


@dataclass(frozen=True)
class LabelledImages:
    """The images of one folder of class folders.

    Attributes:
        split: Images and labels.
        notes: What the user should know of them: what was left out, and how much of
            the images was cut off.
    """

    split: Split
    notes: tuple[str, ...]


def read_labelled_images(
    folder: Path, class_names: Sequence[str], image_shape: ImageShape
) -> LabelledImages:
    """Read ``folder/<class>/<image>``; a class may have no folder, or no image.

    Args:
        folder: Holds the class folders.
        class_names: In the order of the labels.
        image_shape: What each image is brought to.

    Raises:
        DataError: There is no such folder, a class folder is none of
            ``class_names``, there is no image, or images cannot be read.
    """
    if not folder.is_dir():
        what = "is no folder" if os.path.lexists(folder) else "does not exist"
        raise DataError(f"{folder} {what}; expected <class>/<picture> in it.")
    listed = list_class_folders(folder.absolute())
    notes = describe_listing(listed)
    sentences = find_foreign_classes(listed, class_names)
    if not sentences and not listed.count:
        found = f" ({'; '.join(notes)})" if notes else ""
        sentences = [
            f"{folder} has no picture in a class folder{found}; expected "
            "<class>/<picture> in it."
        ]
    failures: list[str] = []
    split, reading = _read_split(listed, class_names, image_shape, failures)
    if failures:
        sentences.append(describe_unreadable(folder, failures))
    if sentences:
        raise DataError("\n".join(sentences))
    notes += describe_reading(listed.path.name, reading, len(split), image_shape)
    return LabelledImages(split, tuple(notes))


def _read_split(
    listed: ClassFolders,
    class_names: Sequence[str],
    image_shape: ImageShape,
    failures: list[str],
) -> tuple[Split, ReadingRecord]:
    """Read the images of these classes; what cannot be read goes to ``failures``."""
    images, labels, shares = [], [], []
    notes: list[str] = []
    size = image_shape[:2]
    with silent_pillow():
        for label, name in enumerate(class_names):
            for entry in listed.images.get(name, ()):
                path = Path(entry.path)
                try:
                    images.append(read_image(path, path.name, size, notes.append))
                    shares.append(measure_cropped_share(path, size))
                except ImageError as error:
                    failures.append(f"{path}: {error}")
                    continue
                labels.append(label)
    stacked = np.array(images, np.uint8).reshape(-1, *image_shape)
    cropped = [share for share in shares if share > _ROUNDING]
    return (
        Split(stacked, np.array(labels, np.uint8)),
        ReadingRecord(len(cropped), max(cropped, default=0.0), Counter(notes)),
    )


def _stamp(entry: os.DirEntry[str]) -> JsonValue:
    """Name, size and times of a file, for a signature."""
    try:
        status = entry.stat()
    except OSError:
        return [entry.name, -1, -1]  # reading it will say what is wrong
    # The last one tells of files that took the place of one another: out of an archive,
    # sizes and times of change may be equal.
    times = status.st_mtime_ns, status.st_ctime_ns
    return [entry.name, status.st_size, *times]
