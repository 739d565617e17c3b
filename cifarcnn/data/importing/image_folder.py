"""CIFAR as image files: ``train/<class>/...`` and ``test/<class>/...``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE
from cifarcnn.data.cifar.facts import Cifar
from cifarcnn.data.decoded_cache import Decoded, ReadingRecord
from cifarcnn.data.folder.class_folders import list_class_folders
from cifarcnn.data.image.image_file import Noted, decode, read_bytes, silent_pillow
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError, ImageError

_SIZE = CIFAR_IMAGE_SHAPE[:2]


def read_image_folder(path: Path, kinds: tuple[Cifar, ...]) -> tuple[Cifar, Decoded]:
    """Read the images of every class, in the order of their names.

    Args:
        path: Holds ``train`` and ``test``.
        kinds: The data sets that it may be; the names of the classes decide.

    Returns:
        Which data set it is, and its images.

    Raises:
        DataError: The class folders belong to no data set, a class has another number
            of images than it should, or an image cannot be read or is not 32x32.
    """
    for cifar in kinds:
        wanted = set(cifar.class_names)
        if all(set(_by_class(path / split)) == wanted for split in ("train", "test")):
            counts = (cifar.training_images, cifar.binary.test.images)
            with silent_pillow():
                (training, one), (test, other) = (
                    _read_split(cifar, path / split, count)
                    for split, count in zip(("train", "test"), counts, strict=True)
                )
            return cifar, Decoded(
                cifar.class_names,
                training,
                test,
                official=False,
                readings={"training": one, "test": other},
            )
    known = " or ".join(cifar.title for cifar in kinds)
    raise DataError(
        f"{path} has folders train and test, but their folders are not the classes of "
        f"{known}. Pictures of your own need no import: train on them with "
        "data.dataset=folder and data.path."
    )


def _by_class(folder: Path) -> dict[str, tuple[Path, list[Path]]]:
    """Folder and images of each class, by the names that CIFAR gives the classes."""
    return {
        name.lower().replace(" ", "_").replace("-", "_"): (
            folder / name,
            [Path(entry.path) for entry in entries],
        )
        for name, entries in list_class_folders(folder).images.items()
    }


def _read_split(
    cifar: Cifar, folder: Path, expected: int
) -> tuple[Split, ReadingRecord]:
    each = expected // len(cifar.class_names)
    by_class = _by_class(folder)
    files: list[Path] = []
    for name in cifar.class_names:
        path, found = by_class[name]
        if len(found) != each:
            raise DataError(f"{path} has {len(found):,} pictures, expected {each:,}.")
        files += found
    notes: list[str] = []
    images = np.stack([_read_one(path, notes.append) for path in files])
    labels = np.repeat(np.arange(len(by_class), dtype=np.uint8), each)
    return Split(images, labels), ReadingRecord(0, 0.0, Counter(notes))


def _read_one(path: Path, noted: Noted) -> np.ndarray:
    try:
        file = decode(read_bytes(path), path.name, noted)
    except ImageError as error:
        raise DataError(f"{path}: {error}") from None
    width, height = file.image.size
    if (height, width) != _SIZE:
        raise DataError(f"{path} is {width}x{height}; the pictures of CIFAR are 32x32.")
    return file.fit(TargetSize(*_SIZE, "crop"))
