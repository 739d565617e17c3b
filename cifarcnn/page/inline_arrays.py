"""Arrays and images as text within a page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]

# The most numbers of the maps of one layer that the page carries, 1.4 MB of text: so
# many whole maps, the strongest first, and one at least.
_MOST_VALUES = 2**18
_KINDS = {"f": "<f4", "u": "u1"}


def count_shown(maps: Array, most: int) -> int:
    """How many maps of ``(height, width, channels)`` the page carries, ``most`` or
    fewer."""
    affordable: int = _MOST_VALUES // (maps.shape[0] * maps.shape[1])
    return min(len(maps[0, 0]), most, max(affordable, 1))


class ArrayStore:
    """Collects the arrays of a page; one that is added twice is kept once.

    The script gets each as base64 of its bytes, little-endian: float32 as it is,
    without any rounding, at 5.3 characters a number.

    Attributes:
        entries: Every array, by number.
    """

    def __init__(self) -> None:
        self.entries: list[dict[str, object]] = []
        self._numbers: dict[tuple[str, tuple[int, ...], bytes], int] = {}

    def add(self, array: Array) -> int:
        """The number by which the script finds the array.

        Args:
            array: Of floats or of unsigned bytes.
        """
        kind = _KINDS[array.dtype.kind]
        data = np.ascontiguousarray(array, dtype=kind).tobytes()
        key = (kind, array.shape, data)
        if key not in self._numbers:
            self._numbers[key] = len(self.entries)
            text = base64.b64encode(data).decode("ascii")
            self.entries.append(
                {"kind": kind[-2:], "shape": list(array.shape), "data": text}
            )
        return self._numbers[key]


def to_image_url(pixels: Array, kind: str = "PNG", **options: Any) -> str:
    """An image as a ``data:`` address.

    Args:
        pixels: uint8 ``(height, width, 3)``.
        kind: ``PNG``, or ``JPEG`` for photos.
        options: Those of Pillow's writer of this kind.
    """
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind, optimize=True, **options)
    text = base64.b64encode(data.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{text}"
