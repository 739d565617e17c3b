from __future__ import annotations

import numpy as np

from cifarcnn.data.splits import Split
from cifarcnn.training.training_data import choose_for_smoke, gather_material


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


def test_validation_images_stand_behind_those_to_learn_from(make_config, make_dataset):
    config = make_config(validation_fraction=0.25)
    material = gather_material(config, make_dataset(48))
    inputs, labels = material.validation_data()
    images = material.all_images()
    assert len(images) == 48
    assert inputs["index"].tolist() == list(range(36, 48))
    np.testing.assert_array_equal(images[inputs["index"]], material.validation.images)
    np.testing.assert_array_equal(labels, material.validation.labels)


def test_without_a_validation_split_there_is_nothing_to_judge_by(
    make_config, make_dataset
):
    config = make_config(validation_fraction=0)
    material = gather_material(config, make_dataset(21))
    assert material.validation_data() is None
    assert material.all_images() is material.split.images
