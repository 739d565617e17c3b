from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.config.augmentation import MixUp, RandomFlip, RandomTranslation
from cifarcnn.training.augmentation.pipeline import build_augmentation
from cifarcnn.training.input_pipeline import (
    TrainingBatches,
    stack_images,
    validation_inputs,
)
from cifarcnn.training.training_data import load_training_data


def test_an_epoch_holds_every_image_once_and_the_partial_batch_is_kept():
    labels = np.arange(10, dtype=np.uint8)
    batches = TrainingBatches(labels, batch_size=4, seed=1)
    epoch = [batches.batch(2, step) for step in range(batches.steps_per_epoch)]
    assert [len(inputs["index"]) for inputs, _ in epoch] == [4, 4, 2]
    seen = np.concatenate([inputs["index"] for inputs, _ in epoch])
    assert sorted(seen.tolist()) == list(range(10))
    # Each label is the number of its image here.
    assert np.array_equal(seen, np.concatenate([found for _, found in epoch]))


def test_any_batch_can_be_had_at_any_time():
    batches = TrainingBatches(np.zeros(100, np.uint8), batch_size=8, seed=1)
    in_turn = [batches.batch(e, s)[0]["index"] for e in range(2) for s in range(13)]
    fresh = TrainingBatches(np.zeros(100, np.uint8), batch_size=8, seed=1)
    assert np.array_equal(fresh.batch(1, 7)[0]["index"], in_turn[13 + 7])


def test_class_weights_come_with_each_image():
    labels = np.array([0, 1, 1], dtype=np.uint8)
    weights = np.array([2.0, 0.5], dtype=np.float32)
    inputs, found, each = TrainingBatches(labels, 3, 0, weights).batch(0, 0)
    assert np.array_equal(each, weights[labels[inputs["index"]]])
    assert np.array_equal(found, labels[inputs["index"]])


def test_the_keras_dataset_reads_the_epoch_that_it_is_told(keras):
    batches = TrainingBatches(np.zeros(20, np.uint8), batch_size=6, seed=1)
    assert len(batches) == 4
    batches.epoch = 3
    assert np.array_equal(batches[2][0]["index"], batches.batch(3, 2)[0]["index"])


def test_an_epoch_that_was_cut_short_begins_where_it_was_cut(keras):
    batches = TrainingBatches(np.zeros(20, np.uint8), batch_size=6, seed=1)
    batches.epoch, batches.first_step = 3, 1
    assert len(batches) == 3
    assert np.array_equal(batches[0][0]["index"], batches.batch(3, 1)[0]["index"])


def test_the_draws_of_an_augmentation_come_with_the_indices():
    augmentation = build_augmentation(
        [RandomFlip(), RandomTranslation()], 1, 20, (32, 32)
    )
    batches = TrainingBatches(np.zeros(20, np.uint8), 6, 1, augmentation=augmentation)
    inputs, labels = batches.batch(3, 2)
    assert list(inputs) == [
        "index",
        "random_flip_1_flipped",
        "random_translation_2_shift",
    ]
    drawn = augmentation.draw(3, inputs["index"])
    assert all(np.array_equal(inputs[name], drawn[name]) for name in drawn)
    assert labels.dtype == np.int32


def test_mixed_images_have_mixed_labels_and_weights():
    labels = np.array([0, 1, 1, 2], dtype=np.uint8)
    weights = np.array([2.0, 0.5, 1.0], dtype=np.float32)
    augmentation = build_augmentation([MixUp(alpha=1.0)], 1, 4, (32, 32))
    batches = TrainingBatches(
        labels, 4, 1, weights, augmentation=augmentation, class_count=3
    )
    inputs, mixed, each = batches.batch(0, 0)
    share = inputs["mix_up_1_share"][:, None] / 1024
    own = np.eye(3)[labels[inputs["index"]]]
    expected = share * own + (1 - share) * own[inputs["mix_up_1_partner"]]
    assert mixed == pytest.approx(expected)
    assert mixed.dtype == each.dtype == np.float32
    assert each == pytest.approx(expected @ weights)


def test_validation_images_stand_behind_those_to_learn_from(make_config, make_dataset):
    config = make_config(validation_fraction=0.25)
    data = load_training_data(config, make_dataset(48))
    inputs, labels = validation_inputs(data, None)
    images = stack_images(data)
    assert len(images) == 48
    assert inputs["index"].tolist() == list(range(36, 48))
    np.testing.assert_array_equal(images[inputs["index"]], data.validation.images)
    np.testing.assert_array_equal(labels, data.validation.labels)


def test_without_a_validation_split_there_is_nothing_to_judge_by(
    make_config, make_dataset
):
    config = make_config(validation_fraction=0)
    data = load_training_data(config, make_dataset(21))
    assert validation_inputs(data, None) is None
    assert stack_images(data) is data.split.images
