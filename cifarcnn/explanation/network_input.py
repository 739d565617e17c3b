"""What goes into an explanation: the image as the network sees it, and a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cifarcnn.config import Config
from cifarcnn.config.datasets import Data
from cifarcnn.config.spelling import suggest
from cifarcnn.config.yaml_tree import quote
from cifarcnn.data.image.photo import Photo, read_photo
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import UsageError
from cifarcnn.literals import Resize

Array = np.ndarray[Any, Any]


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
class NetworkInput:
    """What the network sees of an image.

    Attributes:
        name: What the user calls the image.
        photo: uint8 ``(height, width, 3)``, red, green, blue, turned as its EXIF says,
            the longer side at most 1024 pixels.
        crop: The part of ``photo`` that the network sees, in its pixels; sides may lie
            between two pixels.
        pixels: uint8 ``(height, width, 3)``: the input of the network.
        resize: What is done with a photo of other proportions (``data.resize``).
        normalized: float32, of the same shape: what its first layer gets,
            ``(pixels / 255 - mean) / deviation``.
        normalization: ``unit`` (0 to 1), ``standard`` (by mean and deviation) or
            ``none`` (0 to 255).
        mean: Of red, green and blue, on pixels divided by 255.
        deviation: Likewise; for ``none`` 1/255.
    """

    name: str
    photo: Array
    crop: Box
    pixels: Array
    resize: Resize
    normalized: Array
    normalization: str
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


def open_photo(image: Path | BinaryIO | Array | Photo, name: str, data: Data) -> Photo:
    """The image to be explained.

    Args:
        image: A file, a stream of its bytes, one that was read before, or uint8
            ``(height, width, 3)``.
        name: What the user calls it.
        data: Of the config; says what the network takes.

    Raises:
        ImageError: As ``image_file.read_image``.
        UsageError: An array has another shape or element type.
    """
    if isinstance(image, Photo):
        return image
    if not isinstance(image, np.ndarray):
        return read_photo(image, name, TargetSize.of(data))
    shape = data.image_shape
    if image.shape != shape or image.dtype.name != "uint8":
        raise UsageError(
            f"The picture is {image.dtype.name} {image.shape}, but the network takes "
            f"uint8 {shape}: red, green and blue from 0 to 255."
        )
    return Photo.of_pixels(image)


def describe_input(
    photo: Photo, name: str, normalized: Array, config: Config
) -> NetworkInput:
    """What the network sees.

    Args:
        photo: The image.
        name: What the user calls it.
        normalized: float32 ``(height, width, 3)``: what the first layer got.
        config: Says how the pixels were normalized.
    """
    kind = config.data.normalization
    mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if kind == "none":
        deviation = (1 / 255, 1 / 255, 1 / 255)
    elif not isinstance(kind, str):
        mean = (kind.mean[0], kind.mean[1], kind.mean[2])
        deviation = (kind.deviation[0], kind.deviation[1], kind.deviation[2])
    return NetworkInput(
        name=name,
        photo=photo.pixels,
        crop=Box(*photo.crop),
        pixels=photo.seen,
        resize=config.data.resize,
        normalized=normalized,
        normalization=kind if isinstance(kind, str) else "standard",
        mean=mean,
        deviation=deviation,
    )


def find_class(names: Sequence[str], wanted: str | None) -> int | None:
    """The number of a class; None when none is wanted.

    Raises:
        UsageError: There is no such class.
    """
    if wanted is None:
        return None
    if wanted in names:
        return list(names).index(wanted)
    hint = suggest(wanted, names)
    raise UsageError(
        f"There is no class {quote(wanted)}: {hint}{'' if hint[-1:] == '?' else '.'}"
    )
