"""Images that are there more than once, pixel for pixel."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

# Two images with the same pixels: the later one, and an earlier one.
Pair = tuple[int, int]


def find_groups(arrays: Iterable[np.ndarray]) -> tuple[tuple[int, ...], ...]:
    """Images with the same pixels, by their numbers, counted through all arrays.

    Args:
        arrays: The digests of images, each uint8 ``(n, 32)``.
    """
    numbers: dict[bytes, list[int]] = {}
    for number, digest in enumerate(itertools.chain.from_iterable(arrays)):
        numbers.setdefault(digest.tobytes(), []).append(number)
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
