"""CIFAR-10 and CIFAR-100 in either published form, read and checked."""

from __future__ import annotations

import hashlib
import os
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
from cifarcnn.data.decoded_cache import Decoded
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
            "files": [_stamp(path) for path in paths],
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
        training = _Builder(cifar, layout.training)
        test = _Builder(cifar, (layout.test,))
        for piece in pieces:
            if piece.name == layout.names_file:
                self._check_names(piece)
                continue
            builder = test if piece.name == layout.test.name else training
            file = builder.add(piece, *self._read_batch(piece))
            if not self._place.packed:
                digest = hashlib.md5(piece.data, usedforsecurity=False).hexdigest()
                official = official and digest == file.md5
        return Decoded(
            cifar.class_names,
            training.finish(path),
            test.finish(path),
            official,
        )

    def _read_batch(self, piece: Piece) -> tuple[np.ndarray, np.ndarray]:
        cifar, layout = self._cifar, self._place.layout
        if layout.kind == "binary":
            return _read_binary_batch(cifar, piece.data, piece.shown)
        images = next(
            file.images for file in layout.data_files if file.name == piece.name
        )
        return read_pickled_batch(cifar, piece.data, piece.shown, images)

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


class _Builder:
    """Puts the batches of one split at their places, in whatever order they come."""

    def __init__(self, cifar: Cifar, files: tuple[DataFile, ...]) -> None:
        self._cifar = cifar
        self._starts: dict[str, int] = {}
        self._files = {file.name: file for file in files}
        total = 0
        for file in files:
            self._starts[file.name] = total
            total += file.images
        self._images = np.empty((total, *CIFAR_IMAGE_SHAPE), np.uint8)
        self._labels = np.empty(total, np.uint8)

    def add(self, piece: Piece, labels: np.ndarray, pixels: np.ndarray) -> DataFile:
        file = self._files[piece.name]
        start = self._starts[piece.name]
        place = slice(start, start + file.images)
        self._labels[place] = labels
        height, width, channels = CIFAR_IMAGE_SHAPE
        planes = pixels.reshape(-1, channels, height, width)
        self._images[place] = planes.transpose(0, 2, 3, 1)
        return file

    def finish(self, path: Path) -> Split:
        names, files = self._cifar.class_names, list(self._files)
        expected = len(self._labels) // len(names)
        counts = np.bincount(self._labels, minlength=len(names)).tolist()
        for name, count in zip(names, counts, strict=True):
            if count != expected:
                where = files[0] if len(files) == 1 else f"{files[0]} to {files[-1]}"
                raise DataError(
                    f"{path}: {where}: found {count:,} pictures of the class {name}, "
                    f"expected {expected:,} of every class. Get it again."
                )
        return Split(self._images, self._labels)


def _stamp(path: Path) -> JsonValue:
    try:
        status = path.stat()
    except OSError:
        return [path.name, -1, -1]  # reading it will say what is wrong
    return [path.name, status.st_size, status.st_mtime_ns]


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
