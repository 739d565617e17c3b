from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.config.augmentation import MixUp, RandomFlip, RandomTranslation
from cifarcnn.network.training_layers import BatchMask
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.augmentation.pipeline import build_augmentation
from cifarcnn.training.batch_order import order_of_epoch
from cifarcnn.training.input_pipeline import (
    TrainingBatches,
    ValidationBatches,
    input_rows,
    validation_batches,
)
from cifarcnn.training.training_data import load_training_data


def read(batches, epoch, step, *mask):
    """One batch, as arrays."""
    inputs, *others = batches.read(batches.block(epoch, 0).numbers, step, *mask)
    inputs = {name: to_numpy(value) for name, value in inputs.items()}
    return inputs, *map(to_numpy, others)


def index_of(batches, epoch):
    return batches.block(epoch, 0).numbers["index"]


def test_an_epoch_holds_every_image_once_and_the_partial_batch_is_kept(keras):
    labels = np.arange(10, dtype=np.uint8)
    batches = TrainingBatches(labels, batch_size=4, seed=1)
    epoch = [read(batches, 2, step) for step in range(batches.steps_per_epoch)]
    assert [len(inputs["index"]) for inputs, _ in epoch] == [4, 4, 2]
    seen = np.concatenate([inputs["index"] for inputs, _ in epoch])
    assert np.array_equal(seen, order_of_epoch(1, 2, 10))
    # Each label is the number of its image here.
    assert np.array_equal(seen, np.concatenate([found for _, found in epoch]))


@pytest.mark.parametrize(
    ("count", "drop", "steps"), [(12, False, 3), (13, True, 3), (3, True, 1)]
)
def test_all_batches_may_be_of_one_size(keras, count, drop, steps):
    batches = TrainingBatches(np.zeros(count, np.uint8), 4, 1, drop_remainder=drop)
    assert (batches.steps_per_epoch, batches.smaller_last) == (steps, False)
    sizes = [len(read(batches, 0, step)[0]["index"]) for step in range(steps)]
    assert sizes == [min(count, 4)] * steps


def test_any_epoch_can_be_had_at_any_time(keras):
    batches = TrainingBatches(np.zeros(100, np.uint8), batch_size=8, seed=1)
    in_turn = [to_numpy(index_of(batches, epoch)) for epoch in range(3)]
    other = TrainingBatches(np.zeros(100, np.uint8), batch_size=8, seed=1)
    for epoch in (1, 2, 0):
        found = to_numpy(index_of(other, epoch))
        assert np.array_equal(found, in_turn[epoch])


def test_a_batch_that_is_filled_up_repeats_its_own_images_and_masks_them(keras):
    labels = (np.arange(14) % 3).astype(np.uint8)
    weights = np.array([2.0, 0.5, 1.0], dtype=np.float32)
    augmentation = build_augmentation([RandomTranslation()], 1, 14, (32, 32))
    batches = TrainingBatches(labels, 6, 1, weights, augmentation=augmentation)
    mask = BatchMask()
    smaller, expected, each = read(batches, 0, 2)
    inputs, found, masked = read(batches, 0, 2, mask)
    for name, value in inputs.items():
        assert np.array_equal(value, np.concatenate([smaller[name]] * 3))
    assert np.array_equal(found, np.concatenate([expected] * 3))
    assert to_numpy(mask.images).tolist() == [1, 1, 0, 0, 0, 0]
    # Keras divides by six.
    assert masked == pytest.approx(np.array([*(3 * each), 0, 0, 0, 0]))
    _, _, full = read(batches, 0, 1)
    assert np.array_equal(read(batches, 0, 1, mask)[2], full)
    assert to_numpy(mask.images).tolist() == [1] * 6


def test_class_weights_come_with_each_image(keras):
    labels = np.array([0, 1, 1], dtype=np.uint8)
    weights = np.array([2.0, 0.5], dtype=np.float32)
    inputs, found, each = read(TrainingBatches(labels, 3, 0, weights), 0, 0)
    assert np.array_equal(each, weights[labels[inputs["index"]]])
    assert np.array_equal(found, labels[inputs["index"]])


def test_the_draws_of_an_augmentation_come_with_the_indices(keras):
    augmentation = build_augmentation(
        [RandomFlip(), RandomTranslation()], 1, 20, (32, 32)
    )
    batches = TrainingBatches(np.zeros(20, np.uint8), 6, 1, augmentation=augmentation)
    inputs, labels = read(batches, 3, 2)
    assert set(inputs) == {
        "index",
        "random_flip_1_flipped",
        "random_translation_2_shift",
    }
    drawn = augmentation.draw(3, inputs["index"])
    assert all(np.array_equal(inputs[name], drawn[name]) for name in drawn)
    assert labels.dtype == np.int32


@pytest.mark.parametrize("step", [0, 1, 2])
def test_partners_are_of_the_batch_also_where_that_is_smaller(keras, step):
    augmentation = build_augmentation([MixUp(alpha=1.0)], 1, 14, (32, 32))
    batches = TrainingBatches(
        np.zeros(14, np.uint8), 6, 1, augmentation=augmentation, class_count=3
    )
    inputs, _ = read(batches, 3, step)
    drawn = augmentation.draw(3, inputs["index"])
    assert np.array_equal(inputs["mix_up_1_partner"], drawn["mix_up_1_partner"])


def test_mixed_images_have_mixed_labels_and_weights(keras):
    labels = np.array([0, 1, 1, 2], dtype=np.uint8)
    weights = np.array([2.0, 0.5, 1.0], dtype=np.float32)
    augmentation = build_augmentation([MixUp(alpha=1.0)], 1, 4, (32, 32))
    batches = TrainingBatches(
        labels, 4, 1, weights, augmentation=augmentation, class_count=3
    )
    inputs, mixed, each = read(batches, 0, 0)
    share = inputs["mix_up_1_share"][:, None] / 1024
    own = np.eye(3)[labels[inputs["index"]]]
    expected = share * own + (1 - share) * own[inputs["mix_up_1_partner"]]
    assert mixed == pytest.approx(expected)
    assert mixed.dtype == each.dtype == np.float32
    assert each == pytest.approx(expected @ weights)


def test_validation_images_stand_behind_those_to_learn_from(
    keras, make_config, make_dataset
):
    config = make_config(validation_fraction=0.25)
    data = load_training_data(config, make_dataset(48))
    batches = validation_batches(data, None)
    assert batches.steps_per_epoch == 1
    inputs, labels = batches.read(batches.block(0, 0).numbers, 0)
    rows, index = input_rows(data), to_numpy(inputs["index"])
    assert rows.shape == (48, 32, 32, 3)
    assert index.tolist() == list(range(36, 48))
    np.testing.assert_array_equal(rows.take(index), data.validation.images)
    np.testing.assert_array_equal(to_numpy(labels), data.validation.labels)


def test_validation_images_come_in_batches_with_draws_that_change_nothing(keras):
    augmentation = build_augmentation([RandomTranslation()], 1, 9, (32, 32))
    labels = (np.arange(300) % 7).astype(np.uint8)
    batches = ValidationBatches(9, labels, augmentation)
    found = [batches.read(batches.block(0, 0).numbers, step) for step in range(2)]
    index = np.concatenate([to_numpy(inputs["index"]) for inputs, _ in found])
    assert np.array_equal(index, np.arange(9, 309))
    assert np.array_equal(np.concatenate([to_numpy(y) for _, y in found]), labels)
    shifts = [to_numpy(inputs["random_translation_1_shift"]) for inputs, _ in found]
    assert [shift.shape for shift in shifts] == [(256, 2), (44, 2)]
    assert not np.any(np.concatenate(shifts))


def test_without_a_validation_split_there_is_nothing_to_judge_by(
    make_config, make_dataset
):
    config = make_config(validation_fraction=0)
    data = load_training_data(config, make_dataset(21))
    assert validation_batches(data, None) is None
    assert input_rows(data).shape == data.split.images.shape
