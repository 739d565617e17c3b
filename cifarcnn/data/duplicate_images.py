"""Images that are there more than once, pixel for pixel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

# Two images with the same pixels: the later one, and an earlier one.
Pair = tuple[int, int]


def find_groups(arrays: Iterable[np.ndarray]) -> tuple[tuple[int, ...], ...]:
    """Images with the same pixels, by their numbers, counted through all arrays.

    Args:
        arrays: Each uint8 ``(n, height, width, 3)``.
    """
    numbers: dict[bytes, list[int]] = {}
    images = (image for array in arrays for image in array)
    for number, image in enumerate(images):
        pixels = np.ascontiguousarray(image).data
        digest = hashlib.blake2b(pixels, digest_size=16).digest()
        numbers.setdefault(digest, []).append(number)
    return tuple(tuple(group) for group in numbers.values() if len(group) > 1)


def pair_up(
    groups: Iterable[Sequence[int]], parts: Sequence[int]
) -> dict[Pair, list[Pair]]:
    """What is there twice, by the parts that it lies in.

    Args:
        groups: See ``find_groups``.
        parts: The part of each image; whole numbers.

    Returns:
        For each two parts, the later one first, the images of the first of them that
        are in the other too, each with the first such image there. For a part and
        itself, the images that repeat an earlier one.
    """
    pairs: dict[Pair, list[Pair]] = {}
    for group in groups:
        first: dict[int, int] = {}
        for image in sorted(group, key=lambda image: (parts[image], image)):
            part = parts[image]
            for earlier, other in first.items():
                pairs.setdefault((part, earlier), []).append((image, other))
            first.setdefault(part, image)
    return {parts: sorted(found) for parts, found in pairs.items()}
