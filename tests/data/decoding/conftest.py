"""Image files in numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.target_size import TargetSize


@pytest.fixture
def target() -> TargetSize:
    return TargetSize(8, 8, "crop")


@pytest.fixture
def write_images(tmp_path: Path) -> Callable[..., list[str]]:
    """Write PNGs of one colour, each of another."""

    def write(count: int, folder: str = "images") -> list[str]:
        place = tmp_path / folder
        place.mkdir()
        paths = []
        for number in range(count):
            path = place / f"{number:04d}.png"
            color = (number % 256, number // 256, 7)
            Image.new("RGB", (8, 8), color).save(path)
            paths.append(str(path))
        return paths

    return write


@pytest.fixture
def write_slow_images(tmp_path: Path) -> Callable[[int], list[str]]:
    """Names of one file of 36 megapixels, which takes a while each time."""

    def write(count: int) -> list[str]:
        first = tmp_path / "slow.png"
        noise = np.random.default_rng(0).integers(0, 256, (6000, 40, 3), np.uint8)
        Image.fromarray(np.tile(noise, (1, 150, 1))).save(first, compress_level=1)
        paths = [tmp_path / f"slow-{number:03d}.png" for number in range(count)]
        for path in paths:
            os.link(first, path)
        return [str(path) for path in paths]

    return write
