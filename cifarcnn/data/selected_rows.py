"""Rows of an array that lies in a file, read when they are asked for."""

from __future__ import annotations

import os
import threading
import weakref
from math import prod
from typing import Any, cast

import numpy as np

from cifarcnn.errors import DataError


class SelectedRows:
    """Some rows of a memory-mapped array; none of them is read before it is asked for.

    They are read from the file and not from the mapping: of a file that was cut short,
    or of a broken disk, a mapping tells by a signal that ends the process. The file
    stays open, so that it may be removed.

    Attributes:
        shape: ``(n, ...)``, ``n`` being the number of the selected rows.
        dtype: Of the elements.
    """

    def __init__(
        self, array: np.ndarray | SelectedRows, index: np.ndarray | None = None
    ) -> None:
        """Select rows.

        Args:
            array: With whole rows, in a file: see :func:`is_stored`.
            index: Whole numbers of 0 or more ``(n,)``, the rows; ``None`` for all.

        Raises:
            DataError: The file is not there any more.
        """
        chosen = np.arange(len(array)) if index is None else np.asarray(index)
        self.shape: tuple[int, ...] = (len(chosen), *array.shape[1:])
        self.dtype: np.dtype[Any] = array.dtype
        if isinstance(array, SelectedRows):
            self._file: _OpenFile = array._file
            self._places: np.ndarray = array._places[chosen]
        else:
            self._file = _OpenFile(getattr(array, "filename", None))
            steps = array.strides[0] * chosen.astype(np.int64)
            self._places = _position(array) + steps

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """The row of a number, or rows by a slice, numbers or a mask, as in NumPy."""
        places = self._places[key]
        rows = np.empty((places.size, *self.shape[1:]), self.dtype)
        self._read(places.reshape(-1), rows)
        return rows.reshape(*places.shape, *self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("rows that lie in a file cannot be had without a copy")
        return np.asarray(self[:], dtype)

    def read_into(self, index: np.ndarray, rows: np.ndarray) -> None:
        """Fill an array with the rows of some numbers.

        Args:
            index: Whole numbers of 0 or more ``(k,)``.
            rows: ``(k, ...)``, in one piece.

        Raises:
            DataError: The file cannot be read, or ends too early.
        """
        self._read(self._places[index], rows)

    def _read(self, places: np.ndarray, rows: np.ndarray) -> None:
        content = rows.reshape(-1).view(np.uint8).data
        size = rows.nbytes // max(len(rows), 1)
        try:
            with self._file.lock:
                if (np.diff(places) == size).all():
                    if len(places):
                        self._file.read(int(places[0]), content)
                    return
                # In the order of the file, which is what disks are fast at.
                order = np.argsort(places, kind="stable")
                for row in order.tolist():
                    part = content[row * size : (row + 1) * size]
                    self._file.read(int(places[row]), part)
        except OSError as error:
            raise _cannot_read(self._file.name, error) from error


class _OpenFile:
    """A file that is closed with the last who reads it; one thread has it at a time."""

    def __init__(self, name: Any) -> None:
        self.name = name
        self.lock = threading.Lock()
        try:
            self._raw = open(name, "rb", buffering=0)
        except OSError as error:
            raise _cannot_read(name, error) from error
        weakref.finalize(self, self._raw.close)

    def read(self, place: int, content: memoryview) -> None:
        self._raw.seek(place)
        filled = 0
        while filled < len(content):
            count = self._raw.readinto(content[filled:])
            if not count:
                raise DataError(
                    f"{self.name} was cut short while it was in use: it has "
                    f"{os.fstat(self._raw.fileno()).st_size:,} bytes, and "
                    f"{place + len(content):,} or more were expected. The next command "
                    "makes it anew."
                )
            filled += count


def is_stored(array: np.ndarray | SelectedRows) -> bool:
    """Whether an array lies in a file that it is mapped from."""
    if isinstance(array, SelectedRows):
        return True
    # What NumPy computes from a mapped array has that type too, but no file.
    return getattr(array, "filename", None) is not None


def select_rows(array: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Rows by their numbers: copied in memory, and left in the file of stored ones.

    Args:
        array: ``(n, ...)``.
        index: Whole numbers from 0 to ``n - 1``.

    Returns:
        Of a stored array :class:`SelectedRows`, for which an array stands here: it has
        a length, a shape and a type, and gives rows as one.
    """
    selected = SelectedRows(array, index) if is_stored(array) else array[index]
    return cast(np.ndarray, selected)


def _position(array: Any) -> int:
    """Where in its file a memory-mapped array begins."""
    whole = array
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    # A part of an array says of itself where the whole one begins.
    return int(whole.offset + array.ctypes.data - whole.ctypes.data)


def _cannot_read(name: Any, error: OSError) -> DataError:
    return DataError(f"{name} cannot be read: {error.strerror or error}.")
