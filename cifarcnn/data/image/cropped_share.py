"""How much of an image is cut off to give it the proportions of a network."""

from __future__ import annotations

from pathlib import Path

from cifarcnn.data.image.exif_orientation import SIDEWAYS, read_orientation
from cifarcnn.data.image.image_file import centred_crop, open_header, read_bytes


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
