"""One file of an image, and what is to be known of its reading."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cifarcnn.data.image.image_file import decode_image, read_bytes
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import ImageError


class Reading(NamedTuple):
    """What became of a file.

    Attributes:
        mismatch: How far its proportions are from those of the network, 0 to 1: see
            ``TargetSize.mismatch``.
        notes: What the user should know of it, though it can be used.
        failure: Why it cannot be read, in one sentence; ``None`` where it was.
    """

    mismatch: float = 0.0
    notes: tuple[str, ...] = ()
    failure: str | None = None


class DecodedFile(NamedTuple):
    """The pixels of a file.

    Attributes:
        pixels: uint8 ``(height, width, 3)``; all 0 where it could not be read.
        digest: Of the pixels: see ``digest_pixels``.
        reading: What became of the file.
    """

    pixels: np.ndarray
    digest: bytes
    reading: Reading


def decode_file(path: str, target: TargetSize) -> DecodedFile:
    """Decode a file; Pillow may warn.

    Args:
        path: Of the file.
        target: What its image is brought to.
    """
    notes: list[str] = []
    name = Path(path)
    try:
        pixels, mismatch = decode_image(
            read_bytes(name), name.name, target, notes.append
        )
    except ImageError as error:
        return failed_file(target, str(error))
    reading = Reading(mismatch, tuple(notes))
    return DecodedFile(pixels, digest_pixels(pixels), reading)


def failed_file(target: TargetSize, failure: str) -> DecodedFile:
    """A file that cannot be read."""
    pixels = np.zeros((target.height, target.width, 3), np.uint8)
    return DecodedFile(pixels, digest_pixels(pixels), Reading(failure=failure))


def digest_pixels(pixels: np.ndarray) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()
