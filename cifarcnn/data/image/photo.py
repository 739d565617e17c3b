"""An image together with what the network sees of it, and what is cut off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cifarcnn.data.image.exif_orientation import SIDEWAYS, read_orientation
from cifarcnn.data.image.image_file import (
    Noted,
    centred_crop,
    decode_crop,
    decode_shrunk,
    ignore,
    open_header,
    read_bytes,
    silent_pillow,
)

LONGEST_SIDE = 1024


@dataclass(frozen=True, eq=False)
class Photo:
    """An image, and its middle as the network sees it.

    Attributes:
        pixels: uint8 ``(height, width, 3)``, red, green, blue, turned as EXIF says, the
            longer side at most 1024 pixels.
        crop: Top, left, bottom and right of the middle that became ``seen``, in pixels
            of ``pixels``; they may lie between two.
        seen: uint8 ``(height, width, 3)``, from ``image_file.read_image``.
    """

    pixels: np.ndarray
    crop: tuple[float, float, float, float]
    seen: np.ndarray

    @classmethod
    def of_pixels(cls, pixels: np.ndarray) -> Photo:
        """One that has the network's size already, uint8 ``(height, width, 3)``."""
        height, width = pixels.shape[:2]
        return cls(pixels, (0.0, 0.0, height, width), pixels)


def read_photo(
    source: Path | BinaryIO, name: str, size: tuple[int, int], noted: Noted = ignore
) -> Photo:
    """Read an image for the network and for the eye.

    Args:
        source: A file, or a stream of its bytes.
        name: What the user calls it; its ending helps to explain a refusal.
        size: Height and width of what the network takes.
        noted: Told when a colour profile was left out.

    Raises:
        ImageError: As ``image_file.read_image``.
    """
    data = read_bytes(source)
    with silent_pillow():
        # A JPEG is decoded at the scale that is asked for, so twice: the network shall
        # see the very pixels that a prediction sees.
        seen = decode_crop(data, name, size, noted)
        pixels = decode_shrunk(data, name, LONGEST_SIDE)
    height, width = pixels.shape[:2]
    return Photo(pixels, centred_crop(height, width, size), seen)


def measure_cropped_share(path: Path, size: tuple[int, int]) -> float:
    """The share of an image that ``image_file.read_image`` cuts off, 0 to 1.

    Decodes no pixels; Pillow may warn.

    Args:
        path: The file.
        size: Height and width that the network takes.

    Raises:
        ImageError: As ``image_file.read_image``.
    """
    image = open_header(read_bytes(path), path.name)
    width, height = image.size
    if read_orientation(image) in SIDEWAYS:
        width, height = height, width
    top, left, bottom, right = centred_crop(height, width, size)
    return 1 - (bottom - top) * (right - left) / (height * width)
