"""CIFAR-10 and CIFAR-100 in either published form, read and checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE
from cifarcnn.data.cifar.facts import Cifar, DataFile
from cifarcnn.data.cifar.files import (
    Piece,
    is_official_archive,
    read_archive,
    read_folder,
    source_files,
)
from cifarcnn.data.cifar.location import Location
from cifarcnn.data.cifar.pickle_batch import read_pickled_batch, read_pickled_names
from cifarcnn.data.decoded_cache import Decoded, stamp_file
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError


class CifarSource:
    """The files of one CIFAR at one place.

    They need not be the official ones to the byte. What is held against every copy is
    the structure: names and sizes of the files, the names of the classes, the range of
    the labels, and the same number of images in every class of a split.
    """

    notice = None
    image_shape = CIFAR_IMAGE_SHAPE

    def __init__(self, cifar: Cifar, place: Location) -> None:
        self._cifar = cifar
        self._place = place
        self.origin = str(place.path)

    @property
    def key(self) -> str:
        """The name of the data set, and where it lies."""
        where = hashlib.sha256(os.fsencode(self._place.path.absolute())).hexdigest()
        return f"{self._cifar.name}-{where[:16]}"

    def signature(self) -> dict[str, JsonValue]:
        """Path, sizes and times of the files."""
        place = self._place
        paths = [place.path]
        if not place.packed:
            paths = [place.path / name for name in source_files(place.layout)]
        return {
            "path": ascii(str(place.path.absolute())),
            "files": [stamp_file(path) for path in paths],
        }

    def decode(self) -> Decoded:
        """Read every file and check all that can be checked.

        Raises:
            DataError: A file is missing, cut short, too long, foreign or damaged, or
                has a wrong label; or a class has a wrong number of images.
        """
        cifar, layout, path = self._cifar, self._place.layout, self._place.path
        if self._place.packed:
            official = is_official_archive(layout, path)
            pieces = read_archive(cifar, layout, path)
        else:
            official = True
            pieces = read_folder(cifar, layout, path)
        files = {file.name: file for file in layout.data_files}
        training = _make_split(layout.training)
        test = _make_split((layout.test,))
        for piece in pieces:
            if piece.name == layout.names_file:
                self._check_names(piece)
                continue
            file, split, number = files[piece.name], test, 0
            if file != layout.test:
                split, number = training, layout.training.index(file)
            # The files of a split hold as many images each.
            place = slice(number * file.images, (number + 1) * file.images)
            split.labels[place], split.images[place] = self._read_batch(piece, file)
            if not self._place.packed:
                digest = hashlib.md5(piece.data, usedforsecurity=False).hexdigest()
                official = official and digest == file.md5
        for split, parts in ((training, layout.training), (test, (layout.test,))):
            _check_counts(cifar, split, parts, path)
        return Decoded(cifar.class_names, training, test, official)

    def _read_batch(
        self, piece: Piece, file: DataFile
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels ``(n,)`` and images ``(n, height, width, 3)``, both uint8."""
        cifar = self._cifar
        if self._place.layout.kind == "binary":
            labels, pixels = _read_binary_batch(cifar, piece.data, piece.shown)
        else:
            labels, pixels = read_pickled_batch(
                cifar, piece.data, piece.shown, file.images
            )
        height, width, channels = CIFAR_IMAGE_SHAPE
        planes = pixels.reshape(-1, channels, height, width)
        return labels, planes.transpose(0, 2, 3, 1)

    def _check_names(self, piece: Piece) -> None:
        cifar = self._cifar
        if self._place.layout.kind == "binary":
            found = _read_text_names(piece.data, piece.shown)
        else:
            found = read_pickled_names(cifar, piece.data, piece.shown)
        if len(found) != len(cifar.class_names):
            raise DataError(
                f"{piece.shown} names {len(found)} classes, expected the "
                f"{len(cifar.class_names)} of {cifar.title}."
            )
        for number, (name, expected) in enumerate(
            zip(found, cifar.class_names, strict=True)
        ):
            if name != expected:
                raise DataError(
                    f"{piece.shown} names class {number} {name!r:.40}, expected "
                    f"{expected!r}."
                )


def _make_split(files: Sequence[DataFile]) -> Split:
    """Room for the images of ``files``, which come in whatever order."""
    total = sum(file.images for file in files)
    images = np.empty((total, *CIFAR_IMAGE_SHAPE), np.uint8)
    return Split(images, np.empty(total, np.uint8))


def _check_counts(
    cifar: Cifar, split: Split, files: Sequence[DataFile], path: Path
) -> None:
    expected = len(split) // len(cifar.class_names)
    counts = np.bincount(split.labels, minlength=len(cifar.class_names)).tolist()
    for name, count in zip(cifar.class_names, counts, strict=True):
        if count != expected:
            names = [files[0].name, files[-1].name]
            where = " to ".join(dict.fromkeys(names))
            raise DataError(
                f"{path}: {where}: found {count:,} pictures of the class {name}, "
                f"expected {expected:,} of every class. Get it again."
            )


def _read_binary_batch(
    cifar: Cifar, data: bytes, shown: str
) -> tuple[np.ndarray, np.ndarray]:
    """Records of one or two label bytes and 3,072 pixels; their number was checked."""
    records = np.frombuffer(data, np.uint8).reshape(-1, cifar.record_bytes)
    for byte, limit in enumerate(cifar.label_limits):
        wrong = np.flatnonzero(records[:, byte] >= limit)
        if len(wrong):
            raise DataError(
                f"{shown}: picture {wrong[0]} (counted from 0) has the label "
                f"{records[wrong[0], byte]}, expected 0 to {limit - 1}."
            )
    labels = len(cifar.label_limits)
    return records[:, labels - 1], records[:, labels:]


def _read_text_names(data: bytes, shown: str) -> list[str]:
    try:
        return data.decode("ascii").split()
    except UnicodeDecodeError:
        raise DataError(
            f"{shown} is not plain text; expected one class name a line."
        ) from None
