"""What a network learns from and is validated by: rows that steps take by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from cifarcnn.data.selected_rows import SelectedRows, is_stored
from cifarcnn.engine.device_arrays import empty_for_device

# Read at a time on the way to the device.
_PIECE_BYTES = 16 * 2**20


class InputRows:
    """Arrays one behind the other, with rows of one shape and type; never joined.

    Attributes:
        shape: ``(n, ...)``, of all of them together.
        dtype: Of the elements.
    """

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        """Number the rows.

        Args:
            parts: One or more ``(k, ...)``, in memory or in files.

        Raises:
            DataError: A file is not there any more.
        """
        self.dtype: np.dtype[Any] = parts[0].dtype
        self.shape: tuple[int, ...] = (sum(map(len, parts)), *parts[0].shape[1:])
        self._parts: list[np.ndarray | SelectedRows] = [
            SelectedRows(part) if is_stored(part) else part for part in parts
        ]

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.shape[0] * self.row_bytes

    def take(self, index: np.ndarray, length: int | None = None) -> np.ndarray:
        """A copy of some rows, which the device may take over.

        Args:
            index: Whole numbers from 0 to ``n - 1``, ``(k, ...)``.
            length: Of the result, ``k`` or more; what is behind is not filled.

        Returns:
            ``(length, ...)``: the shape of ``index`` and that of a row.

        Raises:
            DataError: A file cannot be read, or was cut short.
        """
        shape = (length or len(index), *index.shape[1:], *self.shape[1:])
        taken = empty_for_device(shape, self.dtype)
        rows = taken[: len(index)].reshape(-1, *self.shape[1:])
        numbers, first = index.reshape(-1), 0
        for part in self._parts:
            own = np.flatnonzero((numbers >= first) & (numbers < first + len(part)))
            if len(own) == len(numbers):
                _read_into(part, numbers - first, rows)
            elif len(own):
                rows[own] = part[numbers[own] - first]
            first += len(part)
        return taken

    def pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """All rows, some MB at a time, each with the number of its first row."""
        count = max(_PIECE_BYTES // max(self.row_bytes, 1), 1)
        first = 0
        for part in self._parts:
            for start in range(0, len(part), count):
                piece = np.asarray(part[start : start + count])
                yield first + start, piece
            first += len(part)


def _read_into(
    part: np.ndarray | SelectedRows, numbers: np.ndarray, rows: np.ndarray
) -> None:
    if isinstance(part, SelectedRows):
        part.read_into(numbers, rows)
    else:
        # Whatever the mode, the numbers are in range: with this one nothing is copied
        # in between.
        np.take(part, numbers, axis=0, out=rows, mode="clip")
