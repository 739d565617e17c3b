"""Operations on images that are neither square nor of 32 pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.config import augmentation as config
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.augmentation.color import mean_colour
from cifarcnn.training.augmentation.pipeline import build_augmentation
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.input_table import InputTable

SIZE = (24, 40)
INDEX = np.arange(3)


@pytest.fixture
def images() -> np.ndarray:
    random = np.random.default_rng(5)
    return random.integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", list(config.AUGMENTATIONS))
def test_every_operation_keeps_the_size(keras, images, kind):
    augmentation = build_augmentation([kind()], 0, 3, SIZE)
    draws = augmentation.draw(1, INDEX)
    found = to_numpy(augmentation.apply(images, draws))
    assert found.shape == images.shape
    assert found.dtype == np.uint8


@pytest.mark.parametrize("mode", ["horizontal", "vertical"])
def test_flips_by_hand(keras, images, mode):
    augmentation = build_augmentation([config.RandomFlip(mode=mode)], 0, 3, SIZE)
    draws = {"random_flip_1_flipped": np.array([1, 0, 1], np.int32)}
    found = to_numpy(augmentation.apply(images, draws))
    mirrored = images[:, :, ::-1] if mode == "horizontal" else images[:, ::-1]
    np.testing.assert_array_equal(found[[0, 2]], mirrored[[0, 2]])
    np.testing.assert_array_equal(found[1], images[1])


def test_translations_by_hand(keras, images):
    choices = [config.RandomTranslation(pixels=4, fill="zero")]
    augmentation = build_augmentation(choices, 0, 3, SIZE)
    shifts = np.array([[4, -3], [0, 0], [-1, 2]], np.int32)
    draws = {"random_translation_1_shift": shifts}
    found = to_numpy(augmentation.apply(images, draws))
    expected = np.zeros_like(images)
    expected[0, 4:, :-3] = images[0, :-4, 3:]
    expected[1] = images[1]
    expected[2, :-1, 2:] = images[2, 1:, :-2]
    np.testing.assert_array_equal(found, expected)


def test_the_mean_of_a_colour_is_exact_also_of_large_images(keras):
    pixels = np.full((1, 300, 700, 3), 255, np.int32)
    pixels[0, 0, 0] = 0
    found = to_numpy(mean_colour(keras.ops.convert_to_tensor(pixels)))
    assert found.ravel().tolist() == [1024 * 255 * 209_999 // 210_000] * 3


def test_boxes_have_the_proportions_of_the_image(keras):
    augmentation = build_augmentation([config.CutMix()], 0, 1000, SIZE)
    box = augmentation.draw(0, np.arange(1000))["cut_mix_1_box"]
    assert np.all(box[:, 0] + box[:, 2] <= 24)
    assert np.all(box[:, 1] + box[:, 3] <= 40)
    assert np.all(abs(box[:, 3] - box[:, 2] * 40 / 24) <= 1.5)
    share = np.mean(box[:, 2] * box[:, 3] / (24 * 40))
    assert share == pytest.approx(0.5, abs=0.03)


def test_the_table_of_images_gives_them_as_they_are(keras, images):
    found = InputTable(InputRows([images]))(np.array([2, 0], np.int32))
    np.testing.assert_array_equal(to_numpy(found), images[[2, 0]])
