from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from cifarcnn.training.augmentation.color import (
    RandomBrightness,
    RandomContrast,
    RandomSaturation,
)
from cifarcnn.training.augmentation.random_draws import RandomDraws

INDEX = np.arange(1000)
SIZE = (32, 32)


def draws() -> RandomDraws:
    return RandomDraws(0, 1, 1000)


def stretched(value, centre: Fraction, factor: Fraction) -> int:
    exact = centre + (int(value) - centre) * factor
    return min(max(floor(exact + Fraction(1, 2)), 0), 255)


def test_brightness_adds_the_same_to_all_pixels(apply, images):
    added = [0, 51, -51, 255, -255]
    found = apply(RandomBrightness(draws(), SIZE, factor=1.0), images, {"added": added})
    for image, result, number in zip(images, found, added, strict=True):
        for before, after in zip(image.ravel(), result.ravel(), strict=True):
            assert after == min(max(int(before) + number, 0), 255)


def test_contrast_stretches_each_colour_from_its_mean(apply, images):
    factors = [1024, 512, 2048, 0, 1500]
    operation = RandomContrast(draws(), SIZE, factor=1.0)
    found = apply(operation, images, {"factor": factors})
    for image, result, factor in zip(images, found, factors, strict=True):
        for colour in range(3):
            mean = Fraction(int(image[..., colour].astype(int).sum()), 1024)
            for y in range(32):
                for x in range(0, 32, 5):
                    assert result[y, x, colour] == stretched(
                        image[y, x, colour], mean, Fraction(factor, 1024)
                    )


def test_saturation_stretches_each_pixel_from_its_grey(apply, images):
    factors = [1024, 512, 2048, 0, 1500]
    operation = RandomSaturation(draws(), SIZE, factor=1.0)
    found = apply(operation, images, {"factor": factors})
    for image, result, factor in zip(images, found, factors, strict=True):
        for y in range(32):
            for x in range(0, 32, 5):
                red, green, blue = (int(value) for value in image[y, x])
                grey = Fraction(306 * red + 601 * green + 117 * blue, 1024)
                assert result[y, x].tolist() == [
                    stretched(value, grey, Fraction(factor, 1024))
                    for value in (red, green, blue)
                ]
    # Without saturation all is grey.
    assert np.all(found[3] == found[3, :, :, :1])
    assert np.array_equal(found[0], images[0])


@pytest.mark.parametrize(
    "operation, name, low, high",
    [
        (RandomBrightness(draws(), SIZE, factor=0.2), "added", -51, 51),
        (RandomContrast(draws(), SIZE, factor=0.25), "factor", 768, 1280),
        (RandomSaturation(draws(), SIZE, factor=1.0), "factor", 0, 2048),
    ],
)
def test_the_factor_is_the_largest_change_either_way(operation, name, low, high):
    drawn = operation.draw(1, INDEX)
    assert list(drawn) == [name]
    numbers = drawn[name]
    assert numbers.dtype == np.int32
    width = high - low
    assert low <= numbers.min() < low + 0.05 * width
    assert high - 0.05 * width < numbers.max() <= high
    assert abs(numbers.mean() - (low + high) / 2) < 0.05 * width
