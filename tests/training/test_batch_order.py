from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarcnn.config.augmentation import MixUp, RandomFlip, RandomTranslation
from cifarcnn.training.augmentation import build_augmentation
from cifarcnn.training.batch_order import Batches, as_keras_dataset, order_of_epoch


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 1000), st.integers(0, 300))
def test_an_order_is_a_permutation(seed, epoch, count):
    order = order_of_epoch(seed, epoch, count)
    assert order.dtype == np.int32
    assert sorted(order.tolist()) == list(range(count))


def test_an_order_depends_on_seed_and_epoch_only():
    first = order_of_epoch(3, 5, 100)
    order_of_epoch(3, 6, 100)
    assert np.array_equal(order_of_epoch(3, 5, 100), first)
    assert not np.array_equal(order_of_epoch(3, 6, 100), first)
    assert not np.array_equal(order_of_epoch(4, 5, 100), first)


def test_an_order_stays_the_same_in_later_versions():
    # NumPy keeps Philox's raw bits; written down from NumPy 2.4.
    assert order_of_epoch(0, 0, 8).tolist() == [7, 4, 5, 1, 0, 3, 2, 6]


def test_an_epoch_holds_every_image_once_and_the_partial_batch_is_kept():
    labels = np.arange(10, dtype=np.uint8)
    batches = Batches(labels, batch_size=4, seed=1)
    epoch = [batches.batch(2, step) for step in range(batches.steps)]
    assert [len(inputs["index"]) for inputs, _ in epoch] == [4, 4, 2]
    seen = np.concatenate([inputs["index"] for inputs, _ in epoch])
    assert sorted(seen.tolist()) == list(range(10))
    # Each label is the number of its image here.
    assert np.array_equal(seen, np.concatenate([found for _, found in epoch]))


def test_any_batch_can_be_had_at_any_time():
    batches = Batches(np.zeros(100, np.uint8), batch_size=8, seed=1)
    in_turn = [batches.batch(e, s)[0]["index"] for e in range(2) for s in range(13)]
    fresh = Batches(np.zeros(100, np.uint8), batch_size=8, seed=1)
    assert np.array_equal(fresh.batch(1, 7)[0]["index"], in_turn[13 + 7])


def test_class_weights_come_with_each_image():
    labels = np.array([0, 1, 1], dtype=np.uint8)
    weights = np.array([2.0, 0.5], dtype=np.float32)
    inputs, found, each = Batches(labels, 3, 0, weights).batch(0, 0)
    assert np.array_equal(each, weights[labels[inputs["index"]]])
    assert np.array_equal(found, labels[inputs["index"]])


def test_the_keras_dataset_reads_the_epoch_that_it_is_told(keras):
    batches = Batches(np.zeros(20, np.uint8), batch_size=6, seed=1)
    feed = as_keras_dataset(batches)
    assert len(feed) == 4
    feed.epoch = 3
    assert np.array_equal(feed[2][0]["index"], batches.batch(3, 2)[0]["index"])


def test_the_draws_of_an_augmentation_come_with_the_indices():
    augmentation = build_augmentation([RandomFlip(), RandomTranslation()], 1, 20)
    batches = Batches(np.zeros(20, np.uint8), 6, 1, augmentation=augmentation)
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
    augmentation = build_augmentation([MixUp(alpha=1.0)], 1, 4)
    batches = Batches(labels, 4, 1, weights, augmentation=augmentation, class_count=3)
    inputs, mixed, each = batches.batch(0, 0)
    share = inputs["mix_up_1_share"][:, None] / 1024
    own = np.eye(3)[labels[inputs["index"]]]
    expected = share * own + (1 - share) * own[inputs["mix_up_1_partner"]]
    assert mixed == pytest.approx(expected)
    assert mixed.dtype == each.dtype == np.float32
    assert each == pytest.approx(expected @ weights)
