"""Hints that an image may not be what the network knows."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cifarcnn.data.image.image_file import FORMATS

if TYPE_CHECKING:
    from cifarcnn.inference.predictions import Answer

UNSURE_BELOW = 0.5
CROPPED_ABOVE = 0.4


def note(answer: Answer) -> str:
    """A few words about a doubtful answer; empty when there is nothing to say.

    Said are a top probability below 0.5, and that more than 40 % of the image was cut
    off to make it square.
    """
    words = []
    if answer.probabilities is not None and answer.probabilities.max() < UNSURE_BELOW:
        words.append("unsure")
    lost = _cropped_fraction(answer)
    if lost > CROPPED_ABOVE:
        words.append(f"{lost:.0%} cropped")
    return ", ".join(words)


def _cropped_fraction(answer: Answer) -> float:
    if answer.source.path is None or answer.pixels is None:
        return 0.0
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Reads the header alone; that the file is harmless is known by now.
            with Image.open(answer.source.path, formats=FORMATS) as image:
                width, height = image.size
        except OSError:
            return 0.0
    return 1 - min(width, height) / max(width, height)
