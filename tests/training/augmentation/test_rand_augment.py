from __future__ import annotations

import math

import numpy as np
import pytest

from cifarcnn.training.augmentation.rand_augment import (
    KINDS,
    RandAugment,
    draw_transforms,
)
from cifarcnn.training.augmentation.random_draws import RandomDraws

INDEX = np.arange(3000)
SIZE = (32, 32)


def rand_augment(num_ops=1, factor=1.0) -> RandAugment:
    return RandAugment(RandomDraws(0, 1, 3000), SIZE, num_ops=num_ops, factor=factor)


def drawn(name: str, strengths: list[float]) -> dict[str, np.ndarray]:
    """The draws of one turn in which all images have one kind."""
    strength = np.array(strengths)[:, None]
    kind = np.full(strength.shape, KINDS.index(name), np.int32)
    amount = np.round(1024 * strength).astype(np.int32)
    transforms = draw_transforms(kind, strength, SIZE)
    return {"kind": kind, "transform": transforms, "amount": amount}


STRENGTHS = [0.0, 0.5, -0.5, 1.0, -1.0]


def half_up(value) -> np.ndarray:
    return np.clip(np.floor(np.asarray(value) + 0.5), 0, 255)


def recoloured(name: str, image: np.ndarray, strength: float) -> np.ndarray:
    """What the definition says, in float64."""
    numbers = image.astype(float)
    factor = 1 + math.floor(round(1024 * strength) * 922 / 1024) / 1024
    if name == "Brightness":
        return half_up(numbers * factor)
    if name == "Contrast":
        mean = numbers.mean(axis=(0, 1), keepdims=True)
        return half_up(mean + (numbers - mean) * factor)
    if name == "Color":
        grey = (numbers @ np.array([306, 601, 117]))[..., None] / 1024
        return half_up(grey + (numbers - grey) * factor)
    if name == "Posterize":
        step = 2 ** round(4 * abs(strength))
        return numbers // step * step
    if name == "Solarize":
        threshold = 256 - math.floor(256 * abs(strength))
        return np.where(numbers >= threshold, 255 - numbers, numbers)
    if name == "AutoContrast":
        low = numbers.min(axis=(0, 1))
        width = numbers.max(axis=(0, 1)) - low
        spread = (numbers - low) * 255 / np.where(width == 0, 1, width)
        return half_up(np.where(width == 0, numbers, spread))
    return numbers


@pytest.mark.parametrize(
    "name",
    [
        *("Brightness", "Color", "Contrast", "Posterize", "Solarize"),
        *("AutoContrast", "Identity"),
    ],
)
def test_what_changes_each_pixel_by_itself(apply, images, name):
    # An image of few tones too, for the contrast to be spread.
    images[3] = images[3] // 2 + 60
    found = apply(rand_augment(), images, drawn(name, STRENGTHS))
    for image, result, strength in zip(images, found, STRENGTHS, strict=True):
        assert np.array_equal(result, recoloured(name, image, strength))


def moved(name: str, image: np.ndarray, strength: float) -> np.ndarray:
    """Each pixel from the nearest to where it comes from, 128 from outside."""
    result = np.full_like(image, 128)
    angle = math.radians(30 * strength)
    for row in range(32):
        for column in range(32):
            y, x = row - 15.5, column - 15.5
            from_y, from_x = {
                "Rotate": (
                    math.cos(angle) * y - math.sin(angle) * x,
                    math.sin(angle) * y + math.cos(angle) * x,
                ),
                "ShearX": (y, x + 0.3 * strength * y),
                "ShearY": (y + 0.3 * strength * x, x),
                "TranslateX": (y, x + 14 * strength),
                "TranslateY": (y + 14 * strength, x),
            }[name]
            source = math.floor(from_y + 16), math.floor(from_x + 16)
            if 0 <= source[0] < 32 and 0 <= source[1] < 32:
                result[row, column] = image[source]
    return result


@pytest.mark.parametrize(
    "name", ["Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY"]
)
def test_what_moves_pixels(apply, images, name):
    found = apply(rand_augment(), images, drawn(name, STRENGTHS))
    for image, result, strength in zip(images, found, STRENGTHS, strict=True):
        assert np.array_equal(result, moved(name, image, strength))
    assert np.array_equal(found[0], images[0])


def test_the_operations_are_done_one_after_the_other(apply, images):
    one, two = drawn("TranslateX", STRENGTHS), drawn("Solarize", STRENGTHS)
    both = {name: np.concatenate([one[name], two[name]], axis=1) for name in one}
    step = apply(rand_augment(), apply(rand_augment(), images, one), two)
    assert np.array_equal(apply(rand_augment(2), images, both), step)


def test_every_kind_is_drawn_as_often_and_the_factor_bounds_the_strength():
    draws = rand_augment(2, 0.5).draw(1, INDEX)
    _, counts = np.unique(draws["kind"], return_counts=True)
    assert len(counts) == len(KINDS)
    assert counts.min() > 400 and counts.max() < 600
    assert -512 <= draws["amount"].min() < -500
    assert 500 < draws["amount"].max() <= 512
    turned = draws["transform"][draws["kind"] == KINDS.index("Rotate")]
    smallest = 65536 * math.cos(math.radians(15))
    assert smallest < turned[:, 0].min() < smallest + 20
    still = draws["transform"][draws["kind"] >= 5]
    assert np.array_equal(np.unique(still, axis=0), [[65536, 0, 0, 0, 65536, 0]])
