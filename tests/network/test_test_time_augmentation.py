from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cifarcnn.network.test_time_augmentation import average_views, views_of

# An image of three by three: 1 2 3, 4 5 6, 7 8 9.
IMAGE = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3, 1)


def shown(views):
    return [
        (weight, image[0, :, :, 0].tolist()) for weight, image in views_of(IMAGE, views)
    ]


def test_one_view_is_the_image():
    assert shown("none") == [(1.0, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])]


def test_the_mirror_counts_half():
    assert shown("mirror") == [
        (0.5, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (0.5, [[3, 2, 1], [6, 5, 4], [9, 8, 7]]),
    ]


def test_shifted_images_are_reflected_at_the_border():
    assert shown("mirror_and_shift") == [
        (0.25, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (0.25, [[3, 2, 1], [6, 5, 4], [9, 8, 7]]),
        (0.125, [[5, 6, 5], [8, 9, 8], [5, 6, 5]]),
        (0.125, [[5, 6, 5], [8, 9, 8], [5, 6, 5]]),
        (0.125, [[5, 4, 5], [2, 1, 2], [5, 4, 5]]),
        (0.125, [[5, 4, 5], [2, 1, 2], [5, 4, 5]]),
    ]


@pytest.mark.parametrize("views", ["mirror", "mirror_and_shift"])
def test_the_logits_are_averaged(views):
    random = np.random.default_rng(0)
    table = random.normal(size=(48, 4))

    def logits(images):
        return images.reshape(len(images), -1) / 50 @ table

    def softmax(values):
        powers = np.exp(values)
        return powers / powers.sum(axis=1, keepdims=True)

    images = random.integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
    found = average_views(lambda seen: softmax(logits(seen)), images, views)
    mean = sum(weight * logits(view) for weight, view in views_of(images, views))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, softmax(mean), rtol=1e-5, atol=1e-7)


def test_by_hand():
    answers = iter([[[0.9, 0.1]], [[0.5, 0.5]]])
    found = average_views(lambda seen: np.array(next(answers)), IMAGE, "mirror")
    # Odds of 9 and 1; the root of their product is 3.
    assert found[0] == pytest.approx([0.75, 0.25])


def test_a_probability_of_nothing_does_not_spoil_the_others():
    found = average_views(lambda seen: np.array([[1.0, 0.0, 0.0]]), IMAGE, "mirror")
    assert found[0] == pytest.approx([1, 0, 0])


def test_no_images_have_no_answers():
    none = average_views(lambda seen: np.empty((0, 3)), IMAGE[:0], "mirror_and_shift")
    assert none.shape == (0, 3)


def test_prediction_by_litert_can_average_views_without_keras_and_config():
    code = (
        "import sys, cifarcnn.litert.runtime\n"
        "import cifarcnn.network.test_time_augmentation\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'pydantic', 'cifarcnn.config'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
