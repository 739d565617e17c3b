"""Rotation, zoom and shear, beside the layers of Keras that have the same names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.config import augmentation as config
from cifarcnn.training.augmentation import rotate_zoom_shear
from cifarcnn.training.augmentation.random_draws import RandomDraws

SIZE = (24, 40)
# Factors that bring no place just between two pixels.
CHOICES = [
    config.RandomRotation(factor=(0.07, 0.07)),
    config.RandomRotation(factor=(-0.3, -0.3)),
    config.RandomZoom(height_factor=(0.83, 0.83)),
    config.RandomZoom(height_factor=(-0.37, -0.37)),
    config.RandomZoom(height_factor=(0.23, 0.23), width_factor=(-0.51, -0.51)),
    config.RandomShear(x_factor=(0.31, 0.31)),
    config.RandomShear(x_factor=(0.13, 0.13), y_factor=(0.87, 0.87)),
]


@pytest.fixture
def images() -> np.ndarray:
    """An image for each choice, neither square nor smooth."""
    random = np.random.default_rng(11)
    return random.integers(0, 256, (len(CHOICES), *SIZE, 3), dtype=np.uint8)


def build(choice: config.Augmentation, count: int = 1, **changes: Any) -> Any:
    kind = getattr(rotate_zoom_shear, choice.type)
    arguments = {**choice.arguments(), **changes}
    return kind(RandomDraws(3, 1, count), SIZE, **arguments)


def as_keras_does(keras, choice, image, transform, fill, interpolation) -> np.ndarray:
    """What Keras's layer makes of an image, with the same factors."""
    arguments = choice.arguments() | {"interpolation": interpolation}
    arguments["fill_mode"] = {"zero": "constant"}.get(fill, fill)
    del arguments["fill"]
    layer = getattr(keras.layers, choice.type)(**arguments)
    if choice.type == "RandomShear":
        # It draws the direction, so it is told the one that was drawn here.
        factors = keras.ops.convert_to_tensor(
            [[transform[3] / 65536, transform[1] / 65536]]
        )
        shear = {"shear_factor": keras.ops.cast(factors, "float32")}
        return np.asarray(layer.transform_images(image[None], shear))[0]
    return np.asarray(layer(image[None], training=True))[0]


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill", ["reflect", "nearest", "zero"])
def test_the_images_are_those_of_keras(keras, apply, images, fill, interpolation):
    transforms = [
        build(choice).draw(2, np.arange(1))["transform"][0] for choice in CHOICES
    ]
    operation = build(CHOICES[0], fill=fill, interpolation=interpolation)
    found = apply(operation, images, {"transform": transforms})
    for choice, transform, image, result in zip(
        CHOICES, transforms, images, found, strict=True
    ):
        theirs = as_keras_does(keras, choice, image, transform, fill, interpolation)
        if interpolation == "bilinear":
            # Rounded here, and with shares of a pixel that are a thousandth off.
            assert np.abs(result - theirs).max() < 1.5, choice
        else:
            assert np.mean(result != theirs) < 0.005, choice


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill", ["reflect", "nearest", "zero"])
def test_no_factor_leaves_the_images_as_they_are(apply, images, fill, interpolation):
    transforms = [
        build(choice).draw(0, np.arange(1))["transform"]
        for choice in (
            config.RandomRotation(factor=(0, 0)),
            config.RandomZoom(height_factor=(0, 0)),
            config.RandomShear(x_factor=(0, 0)),
        )
    ]
    operation = build(CHOICES[0], fill=fill, interpolation=interpolation)
    found = apply(operation, images[:3], {"transform": np.concatenate(transforms)})
    assert np.array_equal(found, images[:3])


def test_quarter_turns_by_hand(apply):
    square = np.random.default_rng(5).integers(0, 256, (2, 9, 9, 3), dtype=np.uint8)
    left = rotate_zoom_shear.RandomRotation(
        RandomDraws(0, 1, 2),
        (9, 9),
        fill="zero",
        interpolation="bilinear",
        factor=(0.25, 0.25),
    )
    found = apply(left, square, left.draw(0, np.arange(2)))
    assert np.array_equal(found, np.rot90(square, axes=(1, 2)))


def test_half_and_twice_the_size_by_hand(apply):
    # A row of four pixels: 0, 80, 160, 240; the middle half of it is 80 to 160.
    image = np.zeros((1, 4, 4, 3), np.uint8)
    image[:] = np.array([0, 80, 160, 240], np.uint8)[None, None, :, None]

    def row(factor: float, **changes: Any) -> list[int]:
        operation = rotate_zoom_shear.RandomZoom(
            RandomDraws(0, 1, 1),
            (4, 4),
            **{"fill": "nearest", "interpolation": "bilinear", **changes},
            height_factor=(0.0, 0.0),
            width_factor=(factor, factor),
        )
        found = apply(operation, image, operation.draw(0, np.arange(1)))
        assert np.array_equal(found, np.broadcast_to(found[:, :1, :, :1], found.shape))
        return found[0, 0, :, 0].tolist()

    # From places 0.75, 1.25, 1.75 and 2.25.
    assert row(-0.5) == [60, 100, 140, 180]
    # From places -1.5, 0.5, 2.5 and 4.5.
    assert row(1.0) == [0, 40, 200, 240]
    assert row(1.0, fill="reflect") == [40, 40, 200, 200]
    assert row(1.0, fill="zero") == [0, 40, 200, 0]


def test_factors_are_drawn_evenly_between_their_ends():
    choice = config.RandomRotation(factor=(-0.05, 0.2))
    transform = build(choice, 4000).draw(1, np.arange(4000))["transform"]
    turns = np.arctan2(transform[:, 1], transform[:, 0]) / (2 * np.pi)
    counts, _ = np.histogram(turns, bins=10, range=(-0.0501, 0.2001))
    assert counts.sum() == 4000
    assert counts.min() > 320 and counts.max() < 480


def test_without_a_factor_for_the_width_it_goes_with_the_height():
    index = np.arange(500)
    both = build(config.RandomZoom(), 500).draw(1, index)["transform"]
    assert np.array_equal(both[:, 0], both[:, 4])
    assert both[:, 0].min() >= 0.9 * 65535 and both[:, 0].max() <= 1.1 * 65537
    apart = config.RandomZoom(width_factor=(-0.1, 0.1))
    transforms = build(apart, 500).draw(1, index)["transform"]
    assert np.array_equal(transforms[:, 0], both[:, 0])
    assert abs(np.corrcoef(transforms[:, 0], transforms[:, 4])[0, 1]) < 0.2


def test_shear_goes_to_both_sides():
    choice = config.RandomShear(x_factor=(0.1, 0.3), y_factor=(0.2, 0.2))
    transform = build(choice, 1000).draw(1, np.arange(1000))["transform"] / 65536
    x, y = transform[:, 3], transform[:, 1]
    assert 450 < np.sum(x > 0) < 550
    assert np.all((np.abs(x) > 0.0999) & (np.abs(x) < 0.3001))
    assert np.allclose(y, 0.2 * np.sign(x), atol=1e-5)
