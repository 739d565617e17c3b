"""How much of an image is cut off to give it the proportions of a network."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from cifarcnn.data.image.exif_orientation import SIDEWAYS, read_orientation
from cifarcnn.data.image.image_file import FORMATS, centred_crop


def measure_cropped_share(path: Path, size: tuple[int, int]) -> float:
    """The share of an image that ``image_file.read_image`` cuts off, 0 to 1.

    Reads the header alone; Pillow may warn.

    Args:
        path: A file that was read before, and so is known to be harmless.
        size: Height and width that the network takes.

    Raises:
        OSError: The file is not there any more.
    """
    with Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        if read_orientation(image) in SIDEWAYS:
            width, height = height, width
    top, left, bottom, right = centred_crop(height, width, size)
    return 1 - (bottom - top) * (right - left) / (height * width)
