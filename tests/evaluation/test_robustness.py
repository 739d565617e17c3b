"""Accuracy under corruptions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError
from cifarcnn.evaluation import robustness
from cifarcnn.evaluation.corruptions import CORRUPTIONS, corrupt

Array = np.ndarray[Any, Any]


def by_brightness(images: Array) -> Array:
    """Class 1 where the image is bright on average."""
    bright = images.mean(axis=(1, 2, 3)) > 128
    return np.stack([~bright, bright], axis=1).astype(np.float32)


@pytest.fixture
def split() -> Split:
    images = np.random.default_rng(0).integers(60, 190, (50, 9, 7, 3), np.uint8)
    images[1::2] //= 4
    return Split(images, np.arange(50) % 2)


def test_each_accuracy_is_the_share_that_is_recognised(
    split: Split, monkeypatch: pytest.MonkeyPatch
):
    # Pieces of 6, the last one of 2.
    monkeypatch.setattr(robustness, "_PIECE_IMAGES", 6)
    told: list[tuple[int, int]] = []
    found = robustness.evaluate_robustness(
        by_brightness, split, lambda done, total: told.append((done, total))
    )
    assert list(found.accuracies) == list(CORRUPTIONS)
    for kind, shares in found.accuracies.items():
        expected = [
            (by_brightness(corrupt(split.images, kind, s))[:, 1] == split.labels).mean()
            for s in (1, 2, 3, 4, 5)
        ]
        assert shares == pytest.approx(expected)
        assert found.mean_of(kind) == pytest.approx(np.mean(expected))
    # Brighter pictures are another class for this one, by and by.
    assert found.accuracies["brightness"][0] < found.accuracies["contrast"][0]
    assert found.mean == pytest.approx(np.mean([*found.accuracies.values()]))
    assert told[0] == (6, 1250) and told[-1] == (1250, 1250)
    assert found.to_json()["mean_accuracy"] == found.mean


def test_large_images_are_changed_a_few_at_a_time(split: Split):
    sizes = []

    def answer(images: Array) -> Array:
        sizes.append(images.nbytes)
        return by_brightness(images)

    images = np.zeros((3, 2048, 1500, 3), np.uint8)
    one = Split(images[:1], np.zeros(1, int))
    robustness.evaluate_robustness(answer, one)
    assert len(sizes) == 25
    sizes.clear()
    small = Split(np.zeros((5000, 32, 32, 3), np.uint8)[:2100], np.zeros(2100, int))
    robustness.evaluate_robustness(answer, small)
    assert max(sizes) == 2048 * 32 * 32 * 3


def test_no_images_are_refused(split: Split):
    with pytest.raises(DataError, match="no pictures"):
        robustness.evaluate_robustness(
            by_brightness, Split(split.images[:0], split.labels[:0])
        )
