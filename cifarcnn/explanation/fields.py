"""Receptive fields: which pixels of the image a cell of a map sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Pair = tuple[int, int]
SIDE = 32


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels.

    Attributes:
        top: First row, from 0.
        left: First column.
        bottom: One after the last row.
        right: One after the last column.
    """

    top: float
    left: float
    bottom: float
    right: float


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """The pixels of the 32x32 input that the cells of a map depend on.

    A cell's field is a rectangle; where windows are dilated, pixels within it may not
    matter. ``rows`` and ``columns`` are exact in every case, cut off at the border of
    the image; the other numbers describe a cell far from every border.

    Attributes:
        rows: int ``(height, 2)``: for each row of cells the first row of pixels and one
            after the last. Both are 0 for cells that see nothing but padding.
        columns: int ``(width, 2)``: likewise.
        size: Height and width of the field, also beyond the image's border; those of
            the largest field within the image when ``stride`` is None.
        stride: How many pixels lie between the fields of neighbours; None when the
            distances differ (ways of different strides are added), or when every cell
            sees the whole (a group normalization or a global pooling lies before it).
        offset: Row and column where the field of the first cell begins, negative when
            beyond the border; None when ``stride`` is.
    """

    rows: Array
    columns: Array
    size: Pair
    stride: Pair | None
    offset: Pair | None

    def box(self, row: int, column: int) -> Box:
        """What the cell at ``(row, column)`` sees, within the image."""
        top, bottom = self.rows[row].tolist()
        left, right = self.columns[column].tolist()
        return Box(top, left, bottom, right)
