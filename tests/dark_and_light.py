"""A folder of images that a tiny network learns to tell apart in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def draw_dark_and_light(
    pictures: Path, count: int = 30, splits: Sequence[str] = ("train",)
) -> None:
    """Noise in two classes, so many images each, the same ones every time."""
    generator = np.random.default_rng(0)
    for split in splits:
        for name, most in (("dark", 155), ("light", 255)):
            place = pictures / split / name
            place.mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, most, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
