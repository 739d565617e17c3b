"""A ``.npy`` file of images, written row by row and mapped into memory to be read."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Sequence
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from cifarcnn.cpu import usable_cores
from cifarcnn.data.daemon_thread import start_daemon
from cifarcnn.data.decoding.file_reading import digest_pixels

_MOST_THREADS = 16

# Number of images, height, width and channels.
Shape: TypeAlias = tuple[int, int, int, int]


class Rows(Protocol):
    """Somewhere for images, each at its place."""

    def write(self, row: int, pixels: np.ndarray) -> None:
        """Write an image.

        Raises:
            OSError: The disk is full or failed.
        """


class RowFile:
    """Images uint8 ``(n, height, width, 3)`` in an open file.

    What is written goes to the file, and what is read comes from it, by way of the
    system's own memory for files, which it takes back when others need it. A full disk
    is an exception then, and not the end of the process.
    """

    def __init__(self, file: FileIO, shape: Shape) -> None:
        """Take a file.

        Args:
            file: Open for reading, and for writing where that is wanted; not buffered.
            shape: Of all images.
        """
        self._file = file
        self.shape = shape
        self._row_bytes = int(np.prod(shape[1:]))
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        self._header = header.getvalue()

    def start(self) -> None:
        """Write what stands before the images.

        Raises:
            OSError: The disk is full or failed.
        """
        _write_all(self._file, self._header)
        self._file.truncate(len(self._header) + self.shape[0] * self._row_bytes)

    def write(self, row: int, pixels: np.ndarray) -> None:
        """Write an image.

        Raises:
            OSError: The disk is full or failed.
        """
        self._file.seek(len(self._header) + row * self._row_bytes)
        _write_all(self._file, np.ascontiguousarray(pixels).data.cast("B"))

    def is_whole(self) -> bool:
        """Whether the file is as long as the shape says, and says so itself.

        Raises:
            OSError: The disk failed.
        """
        self._file.seek(0)
        size = os.fstat(self._file.fileno()).st_size
        return (
            size == len(self._header) + self.shape[0] * self._row_bytes
            and self._file.read(len(self._header)) == self._header
        )

    def map(self) -> np.ndarray:
        """The images, read-only; nothing is read before somebody looks at them.

        They are a ``np.memmap`` with the name of the file, which is to be a ``str``.
        """
        return np.memmap(
            self._file, np.uint8, "r", offset=len(self._header), shape=self.shape
        )

    def read(self, row: int) -> np.ndarray:
        """An image; of a file that is too short it is another one.

        Raises:
            OSError: The disk failed.
        """
        pixels = np.empty(self.shape[1:], np.uint8)
        self._file.seek(len(self._header) + row * self._row_bytes)
        self._file.readinto(pixels.data.cast("B"))
        return pixels


class RowsInMemory:
    """The same where no file can be written."""

    def __init__(self, shape: Shape) -> None:
        self._images = np.empty(shape, np.uint8)

    def write(self, row: int, pixels: np.ndarray) -> None:
        """Keep an image."""
        self._images[row] = pixels

    def map(self) -> np.ndarray:
        """The images, read-only."""
        self._images.flags.writeable = False
        return self._images


def find_damaged(path: Path, shape: Shape, digests: Sequence[bytes]) -> list[int]:
    """The images of a file that are not those that were written.

    All are read, by as many threads as there are cores, and none is kept.

    Args:
        path: Of the file.
        shape: What it is expected to hold.
        digests: From ``digest_pixels``, of each image.

    Raises:
        OSError: The file cannot be read.
    """

    def check(rows: range) -> list[int]:
        with path.open("rb", buffering=0) as file:
            images = RowFile(file, shape)
            return [
                row for row in rows if digest_pixels(images.read(row)) != digests[row]
            ]

    count = min(usable_cores(), _MOST_THREADS)
    ends = [shape[0] * part // count for part in range(count + 1)]
    parts = [
        start_daemon(partial(check, range(start, end)))
        for start, end in itertools.pairwise(ends)
    ]
    return [row for part in parts for row in part.result()]


def _write_all(file: FileIO, content: bytes | memoryview) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
