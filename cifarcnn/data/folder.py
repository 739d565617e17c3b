"""Images of one's own: ``train/<class>/<image>`` and ``test/<class>/<image>``."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from cifarcnn.data.decoded_cache import Decoded, ReadingRecord, stamp_file
from cifarcnn.data.folder_layout import ClassFolders, FolderLayout, find_layout
from cifarcnn.data.folder_problems import describe_unreadable, find_problems
from cifarcnn.data.image.image_file import decode_image, read_bytes, silent_pillow
from cifarcnn.data.image.target_size import TargetSize
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

    def __init__(self, root: Path, target: TargetSize) -> None:
        self.image_shape = target.height, target.width, 3
        self.target = target
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
        return find_layout(Path(self.origin))

    def signature(self) -> dict[str, JsonValue]:
        """Path, sizes and times of every image, as one digest."""
        digest = hashlib.sha256()
        for split in self.layout.splits:
            for name, entries in split.images.items():
                digest.update(os.fsencode(f"{split.path.name}/{name}/\n"))
                for entry in entries:
                    digest.update(os.fsencode(f"{stamp_file(entry)}\n"))
        return {
            "path": ascii(str(self._root)),
            "files": digest.hexdigest(),
            "image_shape": list(self.image_shape),
            "resize": self.target.resize,
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
        sentences, worth_reading = find_problems(layout)
        if layout.train is None or not worth_reading:
            raise DataError("\n".join(sentences))
        failures: list[str] = []
        names = tuple(layout.train.images)
        splits: dict[str, Split] = {}
        readings: dict[str, ReadingRecord] = {}
        parts = {"training": layout.train, "validation": layout.validation}
        for part, listed in (parts | {"test": layout.test}).items():
            if listed is not None and listed.count:
                splits[part], readings[part] = read_split(
                    listed, names, self.target, failures
                )
        if failures:
            sentences.append(describe_unreadable(layout.root, failures))
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


def read_split(
    listed: ClassFolders,
    class_names: Sequence[str],
    target: TargetSize,
    failures: list[str],
) -> tuple[Split, ReadingRecord]:
    """Read ``<class>/<image>``; a class may have no folder, or no image.

    Args:
        listed: The class folders.
        class_names: In the order of the labels.
        target: What each image is brought to.
        failures: Is given the path of what cannot be read, and the reason.
    """
    images, labels, shares = [], [], []
    notes: list[str] = []
    with silent_pillow():
        for label, name in enumerate(class_names):
            for entry in listed.images.get(name, ()):
                path = Path(entry.path)
                try:
                    data = read_bytes(path)
                    image, share = decode_image(data, path.name, target, notes.append)
                except ImageError as error:
                    failures.append(f"{path}: {error}")
                    continue
                images.append(image)
                shares.append(share)
                labels.append(label)
    stacked = np.array(images, np.uint8).reshape(-1, target.height, target.width, 3)
    cropped = [share for share in shares if share > _ROUNDING]
    return (
        Split(stacked, np.array(labels, np.uint8)),
        ReadingRecord(len(cropped), max(cropped, default=0.0), Counter(notes)),
    )
