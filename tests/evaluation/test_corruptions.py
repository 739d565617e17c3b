"""Images under corruptions."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.evaluation.corruptions import CORRUPTIONS, STRENGTHS, corrupt

Array = np.ndarray[Any, Any]


def waves(count: int, height: int, width: int) -> Array:
    """Smooth images of many colours, none of them near black or white."""
    y, x, phase = np.ogrid[:height, :width, : 3 * count]
    values = 128 + 60 * np.sin(x / 3 + phase) * np.cos(y / 4 - phase)
    return (
        np.moveaxis(values.reshape(height, width, count, 3), 2, 0)
        .round()
        .astype(np.uint8)
    )


@pytest.mark.parametrize("size", [(32, 32), (8, 8), (512, 300)])
@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_each_strength_is_further_from_the_image(kind: str, size: tuple[int, int]):
    images = waves(2, *size)
    before = images.copy()
    distances = []
    for strength in STRENGTHS:
        changed = corrupt(images, kind, strength)
        assert changed.shape == images.shape and changed.dtype == np.uint8
        distances.append(np.square(changed.astype(float) - images).mean())
    assert 0 < distances[0]
    assert distances == sorted(distances)
    assert distances[-1] > 1.5 * distances[0]
    assert (images == before).all()


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_piece_comes_out_as_within_the_whole(kind: str):
    images = waves(7, 16, 24)
    whole = corrupt(images, kind, 3)
    assert (corrupt(images, kind, 3) == whole).all()
    assert (corrupt(images[4:5], kind, 3, first=4) == whole[4:5]).all()
    assert corrupt(images[:0], kind, 3).shape == (0, 16, 24, 3)


def test_noise_has_the_deviation_that_is_told():
    grey = np.full((4, 64, 64, 3), 128, np.uint8)
    noisy = corrupt(grey, "gaussian_noise", 5).astype(float)
    assert noisy.std() == pytest.approx(0.10 * 255, rel=0.02)
    assert noisy.mean() == pytest.approx(128, abs=0.5)
    assert not (noisy[0] == noisy[1]).all()


def test_a_blur_spreads_a_dot_as_a_gaussian_does():
    dot = np.zeros((1, 33, 33, 3), np.uint8)
    dot[0, 16, 16] = 255
    blurred = corrupt(dot, "gaussian_blur", 5)[0, :, :, 0].astype(float)
    # Each of its passes is rounded.
    assert np.abs(blurred - blurred.T).max() <= 2
    assert np.abs(blurred - blurred[::-1]).max() <= 2
    # Of a deviation of 33/32 pixels, which boxes come near to.
    peak = 255 / (2 * np.pi * (33 / 32) ** 2)
    assert blurred[16, 16] == pytest.approx(peak, rel=0.15)
    assert blurred.sum() == pytest.approx(255, rel=0.05)
    wide = np.zeros((1, 256, 256, 3), np.uint8)
    wide[0, 100:150, 100:150] = 255
    edge = corrupt(wide, "gaussian_blur", 5)[0, 125, :, 0]
    # Eight times the side, eight times the pixels.
    assert ((edge > 5) & (edge < 250)).sum() > 30


def test_brightness_keeps_the_hue_and_makes_black_grey():
    images = np.array([[[[0, 0, 0], [100, 50, 0], [240, 120, 60]]]], np.uint8)
    black, brown, bright = corrupt(images, "brightness", 5)[0, 0].tolist()
    assert black == [76, 76, 76]  # 0.3 of 255, half to even
    assert brown == [176, 88, 0]
    assert bright == [255, 128, 64]


def test_contrast_leaves_the_mean_of_each_channel():
    images = waves(1, 32, 32)
    flat = corrupt(images, "contrast", 5).astype(float)
    assert flat.mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)), abs=0.5)
    assert flat.std() < 0.3 * images.std()
    one_pixel = np.full((1, 1, 1, 3), 7, np.uint8)
    assert (corrupt(one_pixel, "contrast", 1) == 7).all()


def test_jpeg_is_that_of_a_file_of_the_quality():
    images = waves(3, 40, 24)
    for number, found in enumerate(corrupt(images, "jpeg_compression", 5)):
        file = io.BytesIO()
        Image.fromarray(images[number]).save(file, "JPEG", quality=40)
        assert (found == np.asarray(Image.open(file))).all()
