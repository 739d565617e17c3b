"""Where an image is cut to, by its name alone: no other image moves it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable

from cifarcnn.data.folder.class_folders import ImageEntry

# Of the images of test, and of folds. No seed changes them: whoever tries several
# seeds must not come to test on what was learnt, and folds must not overlap.
TEST = "test"
FOLD = "fold"

_BITS = 52
_STEPS = float(2**_BITS)  # a float holds each of them exactly


def validation_salt(seed: int) -> str:
    """For the images that a seed keeps for validation."""
    return f"validation {seed}"


def measure_position(salt: str, label: str, file: str) -> float:
    """A number that looks drawn from 0 to 1, 1 excluded, and is always the same one.

    Args:
        salt: Keeps one use apart from the others.
        label: The class.
        file: The name of the file, with ``/`` between folders.
    """
    # macOS takes accents apart; the image is the same one.
    text = "\n".join((salt, *map(_normalize, (label, file))))
    # A name of bytes that are not UTF-8 comes as lone surrogates.
    content = text.encode("utf-8", "surrogateescape")
    number = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return (number >> (64 - _BITS)) / _STEPS


def choose(
    salt: str, images: Iterable[tuple[str, ImageEntry]], start: float, stop: float
) -> list[bool]:
    """Whether the position of each image, with its class, is from start below stop."""
    return [
        start <= measure_position(salt, label, image.name) < stop
        for label, image in images
    ]


def _normalize(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)
