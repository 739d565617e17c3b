"""An image together with what the network sees of it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cifarcnn.data.image_file import (
    decode,
    orientation_of,
    read_bytes,
    read_image,
    silent_pillow,
    turn,
)
from cifarcnn.data.pixel_modes import flatten_colours, prepare_mode

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LONGEST_SIDE = 1024


@dataclass(frozen=True, eq=False)
class Photo:
    """An image, and its middle as the network sees it.

    Attributes:
        pixels: uint8 ``(height, width, 3)``, red, green, blue, turned as EXIF says, the
            longer side at most 1024 pixels.
        crop: Top, left, bottom and right of the centred square that became ``seen``,
            in pixels of ``pixels``; they may lie between two.
        seen: uint8 ``(32, 32, 3)``, from :func:`cifarcnn.data.read_image`.
    """

    pixels: Array
    crop: tuple[float, float, float, float]
    seen: Array


def read_photo(source: Path | BinaryIO, name: str) -> Photo:
    """Read an image for the network and for the eye.

    Args:
        source: A file, or a stream of its bytes.
        name: What the user calls it; its ending helps to explain a refusal.

    Raises:
        ImageError: As :func:`cifarcnn.data.read_image`.
    """
    import numpy as np

    data = read_bytes(source)
    seen = read_image(io.BytesIO(data), name)
    with silent_pillow():
        image = decode(data, name, LONGEST_SIDE)
        orientation = orientation_of(image)
        image = prepare_mode(image)
        # Never larger than it is.
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        pixels = np.array(turn(flatten_colours(image), orientation), dtype=np.uint8)
    return Photo(pixels, centred_square(pixels), seen)


def centred_square(pixels: Array) -> tuple[float, float, float, float]:
    """Top, left, bottom and right of the largest square in the middle.

    Args:
        pixels: ``(height, width, channels)``.
    """
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) / 2, (width - side) / 2
    return top, left, top + side, left + side
