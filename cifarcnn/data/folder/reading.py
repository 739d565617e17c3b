"""The images that are listed for each split, decoded or out of the cache."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cifarcnn.data.decoded_cache import ReadingRecord
from cifarcnn.data.decoding.decoded_files import DecodedFiles, open_decoded_files
from cifarcnn.data.folder.class_folders import ClassFolders
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.data.selected_rows import select_rows
from cifarcnn.data.splits import Split, label_type

_ROUNDING = 1e-9  # the share of an image that only floating point cuts off


class ReadSplit(NamedTuple):
    """The images of a split that could be read.

    Attributes:
        split: Images and labels.
        digests: uint8 ``(n, 32)``, of the pixels of each.
        reading: What was lost, and what could not be read.
    """

    split: Split
    digests: np.ndarray
    reading: ReadingRecord


def read_splits(
    key: str,
    splits: Sequence[ClassFolders],
    class_names: Sequence[str],
    target: TargetSize,
) -> list[ReadSplit]:
    """Read all that is listed; a class may be missing, or have no image.

    Args:
        key: See ``open_decoded_files``.
        splits: The images of each class; those of other classes are not read.
        class_names: In the order of the labels.
        target: What each image is brought to.

    Raises:
        DataError: See ``open_decoded_files``.
    """
    numbers = {name: label for label, name in enumerate(class_names)}
    listed = [
        [
            (position, numbers[name], _absolute(entry.path))
            for position, (name, entry) in enumerate(split.images_by_class())
            if name in numbers
        ]
        for split in splits
    ]
    paths = [path for images in listed for _, _, path in images]
    files = open_decoded_files(key, paths, target)
    found, start = [], 0
    for images in listed:
        rows = slice(start, start + len(images))
        positions = [position for position, _, _ in images]
        labels = np.array([label for _, label, _ in images], label_type(len(numbers)))
        found.append(_select(files, rows, positions, labels))
        start = rows.stop
    return found


def _select(
    files: DecodedFiles, rows: slice, positions: list[int], labels: np.ndarray
) -> ReadSplit:
    """One split, without the images that could not be read."""
    readings = files.readings[rows]
    images, digests = files.images[rows], files.digests[rows]
    failures = tuple(
        (position, reading.failure)
        for position, reading in zip(positions, readings, strict=True)
        if reading.failure is not None
    )
    if failures:
        whole = [n for n, reading in enumerate(readings) if reading.failure is None]
        kept = np.array(whole, np.int64)
        images = select_rows(images, kept)
        digests, labels = digests[kept], labels[kept]
    cropped = [reading.mismatch for reading in readings if reading.mismatch > _ROUNDING]
    notes = Counter(note for reading in readings for note in reading.notes)
    record = ReadingRecord(len(cropped), max(cropped, default=0.0), notes, failures)
    return ReadSplit(Split(images, labels), digests, record)


def _absolute(path: str) -> str:
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
