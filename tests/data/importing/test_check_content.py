"""What is counted, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.importing.check_content import check_content
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError

PATH = Path("copy")


def split(count: int, seed: int) -> Split:
    images = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), np.uint8)
    return Split(images, (np.arange(count) % 10).astype(np.uint8))


def refusal(tiny10, training: Split, test: Split | None) -> str:
    with pytest.raises(DataError) as caught:
        check_content(
            tiny10.cifar,
            Decoded(tiny10.cifar.class_names, training, test, official=False),
            PATH,
        )
    return str(caught.value)


def test_no_test_images(tiny10):
    assert refusal(tiny10, split(100, 1), None) == (
        "copy has no test pictures; CIFAR-10 has 10,000."
    )


def test_too_few_images(tiny10):
    assert refusal(tiny10, split(90, 1), split(20, 2)) == (
        "copy has 90 training pictures, expected the 100 of CIFAR-10."
    )
    assert refusal(tiny10, split(100, 1), split(30, 2)) == (
        "copy has 30 test pictures, expected the 20 of CIFAR-10."
    )


def test_a_few_repeated_images_are_as_in_the_official_files(tiny10):
    training, test = split(100, 1), split(20, 2)
    training.images[:5] = training.images[50:55]
    test.images[0] = training.images[90]
    decoded = Decoded(tiny10.cifar.class_names, training, test, official=False)
    check_content(tiny10.cifar, decoded, PATH)
