"""An image together with what the network sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cifarcnn.data.image.image_file import (
    Noted,
    decode_image,
    decode_shrunk,
    ignore,
    read_bytes,
    silent_pillow,
)
from cifarcnn.data.image.target_size import TargetSize

LONGEST_SIDE = 1024


@dataclass(frozen=True, eq=False)
class Photo:
    """An image, and the part of it that the network sees.

    Attributes:
        pixels: uint8 ``(height, width, 3)``, red, green, blue, turned as EXIF says, the
            longer side at most 1024 pixels.
        crop: Top, left, bottom and right of the part that became ``seen``, in pixels of
            ``pixels``; they may lie between two.
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
    source: Path | BinaryIO, name: str, target: TargetSize, noted: Noted = ignore
) -> Photo:
    """Read an image for the network and for the eye.

    Args:
        source: A file, or a stream of its bytes.
        name: What the user calls it; its ending helps to explain a refusal.
        target: What the network takes.
        noted: Told when a colour profile was left out.

    Raises:
        ImageError: As ``image_file.read_image``.
    """
    data = read_bytes(source)
    with silent_pillow():
        # A JPEG is decoded at the scale that is asked for, so twice: the network shall
        # see the very pixels that a prediction sees.
        seen, _ = decode_image(data, name, target, noted)
        pixels = decode_shrunk(data, name, LONGEST_SIDE)
    height, width = pixels.shape[:2]
    return Photo(pixels, target.used_part(height, width), seen)
