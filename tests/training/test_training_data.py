from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cifarcnn.data.splits import Split
from cifarcnn.errors import UsageError
from cifarcnn.training.training_data import (
    choose_for_smoke,
    weigh_classes,
)


def test_a_trial_takes_images_from_everywhere():
    labels = np.repeat(np.arange(10, dtype=np.uint8), 100)
    images = np.zeros((1000, 32, 32, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = labels
    chosen = choose_for_smoke(Split(images, labels))
    assert len(chosen.labels) == 512
    assert np.bincount(chosen.labels).min() >= 51
    assert np.array_equal(chosen.images[:, 0, 0, 0], chosen.labels)


def test_a_small_set_is_taken_whole():
    small = Split(np.zeros((5, 32, 32, 3), np.uint8), np.zeros(5, np.uint8))
    assert choose_for_smoke(small) is small


def test_without_class_weights_there_is_nothing_to_weigh():
    assert weigh_classes(None, np.array([0, 1]), ["cat", "dog"]) is None


def test_balanced_weights_are_worked_out_by_hand():
    labels = np.array([0] * 6 + [1] * 3 + [2], dtype=np.uint8)
    weights = weigh_classes("balanced", labels, ["cat", "dog", "ship"])
    # 10 images / (3 classes * 6, 3 or 1 of them).
    assert weights.tolist() == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert weights[labels].mean() == pytest.approx(1.0)
    assert weights.dtype == np.float32


def test_classes_that_are_left_out_weigh_one():
    weights = weigh_classes({"dog": 2.5}, np.array([0, 1]), ["cat", "dog"])
    assert weights.tolist() == [1.0, 2.5]


def test_an_unknown_class_is_refused():
    with pytest.raises(UsageError) as caught:
        weigh_classes({"dgo": 2.0}, np.array([0, 1]), ["cat", "dog"])
    assert str(caught.value) == (
        "training.class_weights names 'dgo', but the classes are cat, dog."
    )


def test_what_is_used_before_keras_starts_does_not_import_it():
    code = (
        "import sys\n"
        "sys.modules['keras'] = sys.modules['tensorflow'] = None\n"
        "from cifarcnn.training import observer, resume, training_data\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
