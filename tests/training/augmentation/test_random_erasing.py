from __future__ import annotations

import numpy as np

from cifarcnn.training.augmentation.random_draws import RandomDraws
from cifarcnn.training.augmentation.random_erasing import RandomErasing

INDEX = np.arange(1000)
SIZE = (32, 32)


def erasing(size=(8, 8), probability=1.0, fill_value=128) -> RandomErasing:
    return RandomErasing(
        RandomDraws(0, 1, 1000),
        SIZE,
        size=size,
        probability=probability,
        fill_value=fill_value,
    )


def test_the_rectangle_is_painted_and_nothing_else(apply, images):
    boxes = [(0, 0, 8, 8), (24, 24, 8, 8), (3, 5, 1, 20), (9, 9, 0, 0), (0, 31, 32, 1)]
    found = apply(erasing(fill_value=77), images, {"box": boxes})
    for image, result, box in zip(images, found, boxes, strict=True):
        top, left, height, width = box
        expected = image.copy()
        for y in range(top, top + height):
            for x in range(left, left + width):
                expected[y, x] = 77
        assert np.array_equal(result, expected)


def test_a_fixed_size_is_a_square_inside_the_image_anywhere():
    box = erasing().draw(2, INDEX)["box"]
    assert np.all(box[:, 2:] == 8)
    for place in (0, 1):
        assert sorted(np.unique(box[:, place])) == list(range(25))


def test_a_range_draws_height_and_width_apart():
    box = erasing((2, 31)).draw(2, INDEX)["box"]
    assert np.unique(box[:, 2]).tolist() == list(range(2, 32))
    assert np.any(box[:, 2] != box[:, 3])
    assert np.all(box[:, :2] >= 0)
    assert np.all(box[:, :2] + box[:, 2:] <= 32)


def test_the_probability_leaves_images_as_they_are():
    box = erasing(probability=0.3).draw(0, INDEX)["box"]
    erased = box[:, 2] > 0
    assert np.array_equal(erased, box[:, 3] > 0)
    assert 250 < erased.sum() < 350
    assert not np.any(erasing(probability=0.0).draw(0, INDEX)["box"][:, 2:])
