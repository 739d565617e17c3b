"""Images of one's own: ``train/<class>/<image>`` and ``test/<class>/<image>``."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from cifarcnn.config.datasets import ImageShape
from cifarcnn.data.decoded_cache import Decoded, stamp_file
from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError, ImageError

_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
_SHOWN = 5  # unreadable images that a message lists


class FolderSource:
    """A folder with a folder for each class.

    The classes are the folders in ``train``, sorted by name. Images are taken in
    the order of their names and read as ``predict`` reads them.
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

    def signature(self) -> dict[str, JsonValue]:
        """Path, sizes and times of every image, as one digest."""
        digest = hashlib.sha256()
        for split in ("train", "test"):
            for name in class_folders(self._root / split):
                digest.update(os.fsencode(f"{split}/{name}/\n"))
                for path in image_files(self._root / split / name):
                    digest.update(os.fsencode(f"{stamp_file(path)}\n"))
        return {
            "path": ascii(str(self._root)),
            "files": digest.hexdigest(),
            "image_shape": list(self.image_shape),
        }

    def decode(self) -> Decoded:
        """Read every image.

        Raises:
            DataError: There is no ``train`` folder or no class in it, there are more
                than 256 classes, a class is not named in UTF-8, ``test`` has other
                classes than ``train``, a class has no images, or images cannot be
                read.
        """
        train = self._root / "train"
        if not train.is_dir():
            raise DataError(
                f"{self._root} has no folder train; expected train/<class>/<picture>."
            )
        classes = class_folders(train)
        if not 2 <= len(classes) <= 256:
            raise DataError(
                f"{train} has {len(classes)} class folders, expected 2 to 256: one "
                "folder of pictures for each class."
            )
        for name in classes:
            try:
                name.encode()
            except UnicodeEncodeError:
                raise DataError(
                    f"{train} has a class folder whose name is not UTF-8: {name!a}. "
                    "Rename it."
                ) from None
        test = self._root / "test"
        if test.is_dir() and class_folders(test) != classes:
            odd = sorted(set(class_folders(test)) ^ set(classes))
            raise DataError(
                f"{test} must have the same class folders as train; only one of them "
                f"has {', '.join(odd[:_SHOWN])}."
            )
        failures: list[str] = []
        training = self._read_split(train, classes, failures)
        testing = self._read_split(test, classes, failures) if test.is_dir() else None
        if failures:
            more = len(failures) - _SHOWN
            listed = "".join(f"\n  {line}" for line in failures[:_SHOWN])
            rest = f"\n  and {more} more" if more > 0 else ""
            raise DataError(
                f"{self._root} has pictures that cannot be read, {len(failures)} in "
                f"all. Mend or remove them:{listed}{rest}"
            )
        return Decoded(tuple(classes), training, testing, official=False)

    def _read_split(
        self, folder: Path, classes: list[str], failures: list[str]
    ) -> Split:
        images, labels = [], []
        for label, name in enumerate(classes):
            paths = image_files(folder / name)
            if not paths:
                raise DataError(
                    f"{folder / name} has no pictures; expected PNG, JPEG, WebP, BMP "
                    "or GIF files."
                )
            for path in paths:
                try:
                    images.append(read_image(path, path.name, self.image_shape[:2]))
                except ImageError as error:
                    failures.append(f"{path}: {error}")
                    continue
                labels.append(label)
        stacked = np.array(images, np.uint8).reshape(-1, *self.image_shape)
        return Split(stacked, np.array(labels, np.uint8))


def class_folders(folder: Path) -> list[str]:
    """The names of the folders in ``folder``, sorted; none when it cannot be read."""
    # Hidden folders are never classes: editors and file managers leave them behind.
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith("."))


def image_files(folder: Path) -> list[Path]:
    """The files in ``folder`` that are images by their names, sorted."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [
        folder / name
        for name in names
        if not name.startswith(".") and Path(name).suffix.lower() in _ENDINGS
    ]
