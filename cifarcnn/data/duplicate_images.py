"""Images that are there more than once, pixel for pixel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np


def find_duplicates(images: np.ndarray) -> list[tuple[int, int]]:
    """The images that have been there before.

    Args:
        images: uint8 ``(n, height, width, 3)``.

    Returns:
        The number of each, and the number of the first with the same pixels.
    """
    first: dict[bytes, int] = {}
    numbered = enumerate(_digests(images))
    return [
        (number, earlier)
        for number, digest in numbered
        if (earlier := first.setdefault(digest, number)) != number
    ]


def find_overlap(known: np.ndarray, images: np.ndarray) -> list[tuple[int, int]]:
    """The images that are among the known ones.

    Args:
        known: uint8 ``(m, height, width, 3)``.
        images: uint8 ``(n, height, width, 3)``.

    Returns:
        The number of each, and the number of a known one with the same pixels.
    """
    numbers = {digest: number for number, digest in enumerate(_digests(known))}
    return [
        (number, numbers[digest])
        for number, digest in enumerate(_digests(images))
        if digest in numbers
    ]


def _digests(images: np.ndarray) -> Iterator[bytes]:
    for image in np.ascontiguousarray(images):
        yield hashlib.blake2b(image.data, digest_size=16).digest()
