"""What the network sees of an image: photo, crop, input, normalization."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE
from cifarcnn.data.image.photo import Photo, read_photo
from cifarcnn.errors import UsageError
from cifarcnn.explanation.explanation import Sight
from cifarcnn.explanation.fields import Box

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.config import Config

    Array = np.ndarray[Any, Any]


def open_photo(image: Path | BinaryIO | Array | Photo, name: str) -> Photo:
    """The image to be explained.

    Args:
        image: A file, a stream of its bytes, one that was read before, or uint8
            ``(32, 32, 3)``.
        name: What the user calls it.

    Raises:
        ImageError: As ``image_file.read_image``.
        UsageError: An array has another shape or element type.
    """
    import numpy as np

    if isinstance(image, Photo):
        return image
    if not isinstance(image, np.ndarray):
        return read_photo(image, name, CIFAR_IMAGE_SHAPE[:2])
    if image.shape != (32, 32, 3) or image.dtype.name != "uint8":
        raise UsageError(
            f"The picture is {image.dtype.name} {image.shape}, but the network takes "
            "uint8 (32, 32, 3): red, green and blue from 0 to 255."
        )
    return Photo.of_pixels(image)


def show_sight(photo: Photo, name: str, normalized: Array, config: Config) -> Sight:
    """What the network sees.

    Args:
        photo: The image.
        name: What the user calls it.
        normalized: float32 ``(32, 32, 3)``: what the first layer got.
        config: Says how the pixels were normalized.
    """
    kind = config.data.normalization
    mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if kind == "none":
        deviation = (1 / 255, 1 / 255, 1 / 255)
    elif not isinstance(kind, str):
        mean = (kind.mean[0], kind.mean[1], kind.mean[2])
        deviation = (kind.deviation[0], kind.deviation[1], kind.deviation[2])
    return Sight(
        name=name,
        photo=photo.pixels,
        crop=Box(*photo.crop),
        pixels=photo.seen,
        normalized=normalized,
        normalization=kind if isinstance(kind, str) else "standard",
        mean=mean,
        deviation=deviation,
    )
