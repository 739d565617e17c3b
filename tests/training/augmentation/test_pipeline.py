from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.config.augmentation import (
    CutMix,
    MixUp,
    RandAugment,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomSaturation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from cifarcnn.network.builder import build_model, logits_model
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.augmentation.pipeline import build_augmentation
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.training_model import connect_rows

ALL = [
    RandomFlip(),
    RandomTranslation(),
    RandomErasing(),
    RandomBrightness(),
    RandomContrast(),
    RandomSaturation(),
    RandAugment(),
    RandomRotation(),
    RandomZoom(width_factor=(0.0, 0.2)),
    RandomShear(y_factor=(-0.1, 0.1)),
    MixUp(),
    CutMix(),
]
INDEX = np.array([3, 0, 4], dtype=np.int32)
SIZE = (32, 32)


def test_nothing_chosen_is_nothing():
    assert build_augmentation([], 0, 5, SIZE) is None


def test_draws_are_few_numbers_with_names_of_their_own():
    augmentation = build_augmentation([RandomFlip(), *ALL], 0, 5, SIZE)
    draws = augmentation.draw(0, INDEX)
    assert {name: value.shape for name, value in draws.items()} == {
        "random_flip_1_flipped": (3,),
        "random_flip_2_flipped": (3,),
        "random_translation_3_shift": (3, 2),
        "random_erasing_4_box": (3, 4),
        "random_brightness_5_added": (3,),
        "random_contrast_6_factor": (3,),
        "random_saturation_7_factor": (3,),
        "rand_augment_8_kind": (3, 2),
        "rand_augment_8_transform": (3, 2, 6),
        "rand_augment_8_amount": (3, 2),
        "random_rotation_9_transform": (3, 6),
        "random_zoom_10_transform": (3, 6),
        "random_shear_11_transform": (3, 6),
        "mix_up_12_partner": (3,),
        "mix_up_12_share": (3,),
        "cut_mix_13_partner": (3,),
        "cut_mix_13_box": (3, 4),
    }
    assert all(value.dtype == np.int32 for value in draws.values())
    nothing = augmentation.draw_nothing(2)
    assert {n: (v.shape[1:], v.dtype) for n, v in nothing.items()} == {
        n: (v.shape[1:], v.dtype) for n, v in draws.items()
    }
    assert all(len(value) == 2 and not value.any() for value in nothing.values())


def test_draws_depend_on_seed_epoch_and_batch_only():
    first = build_augmentation(ALL, 7, 5, SIZE).draw(2, INDEX)
    other = build_augmentation(ALL, 7, 5, SIZE)
    other.draw(0, INDEX)
    again = other.draw(2, INDEX)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    for seed, epoch in ((7, 3), (8, 2)):
        changed = build_augmentation(ALL, seed, 5, SIZE).draw(epoch, INDEX)
        assert any(not np.array_equal(first[name], changed[name]) for name in first)


def test_several_batches_are_drawn_as_each_by_itself():
    augmentation = build_augmentation(ALL, 7, 60, SIZE)
    index = np.random.default_rng(0).permutation(60).reshape(3, 4, 5)
    drawn = augmentation.draw(2, index)
    for place in np.ndindex(3, 4):
        for name, expected in augmentation.draw(2, index[place]).items():
            assert np.array_equal(drawn[name][place], expected), name


def test_two_operations_of_a_kind_draw_apart():
    augmentation = build_augmentation([RandomFlip(), RandomFlip()], 0, 1000, SIZE)
    draws = augmentation.draw(0, np.arange(1000))
    same = draws["random_flip_1_flipped"] == draws["random_flip_2_flipped"]
    assert 400 < same.sum() < 600


def test_operations_are_done_in_the_order_of_the_list(keras, images):
    # Black fills in before or after the negative of everything.
    moved, erased = RandomTranslation(fill="zero"), RandomErasing(size=(31, 31))
    draws = {"shift": [[0, 8]] * 5, "box": [[0, 0, 31, 31]] * 5}

    def done(*choices):
        augmentation = build_augmentation(choices, 0, 5, SIZE)
        given = {
            name: np.array(draws[name.rsplit("_", 1)[1]], np.int32)
            for name in augmentation.draw(0, INDEX)
        }
        return to_numpy(augmentation.apply(images, given))

    assert np.all(done(moved, erased)[:, :31, :31] == 128)
    assert np.all(done(erased, moved)[:, :31, :8] == 0)


def test_labels_are_mixed_by_every_operation_that_mixes(keras):
    assert not build_augmentation(ALL[:-2], 0, 5, SIZE).mixes_labels
    augmentation = build_augmentation(ALL, 0, 5, SIZE)
    assert augmentation.mixes_labels
    draws = {
        "mix_up_11_partner": np.array([1, 2, 0]),
        "mix_up_11_share": np.array([512, 1024, 1024]),
        "cut_mix_12_partner": np.array([2, 0, 1]),
        "cut_mix_12_box": np.array([[0, 0, 0, 0], [0, 0, 16, 16], [0, 0, 32, 32]]),
    }
    mixed = to_numpy(augmentation.mix_labels(np.array([0, 1, 2]), 3, draws))
    # First half of label 1 comes to the first image, then a quarter of that mixture
    # to the second, and the whole second image to the third.
    assert mixed.tolist() == [[0.5, 0.5, 0], [0.125, 0.875, 0], [0, 1, 0]]


@pytest.fixture
def model(keras, make_config):
    return build_model(make_config([{"GlobalAveragePooling2D": {}}, {"Dense": 3}]), 3)


def test_validation_sees_the_images_as_they_are(keras, model, images):
    augmentation = build_augmentation(ALL, 0, 5, SIZE)
    trained = connect_rows(logits_model(model), InputRows([images]), augmentation)
    plain = connect_rows(logits_model(model), InputRows([images]))
    inputs = {"index": INDEX, **augmentation.draw(0, INDEX)}
    expected = to_numpy(plain({"index": INDEX}))
    asleep = to_numpy(trained(inputs, training=False))
    assert np.array_equal(asleep, expected)
    nothing = {"index": INDEX, **augmentation.draw_nothing(3)}
    assert np.array_equal(to_numpy(trained(nothing, training=False)), expected)
    awake = to_numpy(trained(inputs, training=True))
    assert not np.allclose(awake, expected, atol=1e-3)


def test_the_network_sees_what_the_operations_give(keras, model, images):
    augmentation = build_augmentation(ALL, 0, 5, SIZE)
    draws = augmentation.draw(0, INDEX)
    changed = to_numpy(augmentation.apply(images[INDEX], draws))
    awake = connect_rows(logits_model(model), InputRows([images]), augmentation)(
        {"index": INDEX, **draws}, training=True
    )
    expected = connect_rows(logits_model(model), InputRows([changed]))(
        {"index": np.arange(3)}
    )
    assert to_numpy(awake) == pytest.approx(to_numpy(expected), abs=1e-6)


def test_xla_compiles_the_whole_step(keras, model, images):
    augmentation = build_augmentation(ALL, 0, 5, SIZE)
    trained = connect_rows(logits_model(model), InputRows([images]), augmentation)
    trained.compile("sgd", "mse", jit_compile=True)
    assert trained.jit_compile
    assert all(layer.supports_jit for layer in trained.layers)
    for index in (INDEX, INDEX[:2]):
        inputs = {"index": index, **augmentation.draw(0, index)}
        loss = trained.train_on_batch(inputs, np.zeros((len(index), 3), np.float32))
        assert np.isfinite(loss)


@pytest.mark.parametrize(
    "choices",
    [
        [RandomFlip(), RandomTranslation()],
        [RandomTranslation(fill="zero"), RandomFlip(mode="vertical"), RandomFlip()],
        [RandomTranslation(fill="zero", pixels=20), RandomTranslation(pixels=9)],
        [RandomTranslation(fill="nearest", pixels=20), RandomTranslation(fill="zero")],
        [RandomFlip(), RandomErasing(), RandomTranslation(fill="zero")],
    ],
    ids=["usual", "zero first", "twice", "nearest first", "with another between"],
)
def test_moves_in_one_go_are_the_moves_one_after_the_other(keras, images, choices):
    augmentation = build_augmentation(choices, 2, 5, SIZE)
    index = np.arange(5)
    expected = images
    for name, operation in augmentation.operations.items():
        own = operation.draw(1, index)
        expected = to_numpy(operation.apply(expected, own))
        assert not np.array_equal(expected, images), name
    found = augmentation.apply(images, augmentation.draw(1, index))
    assert np.array_equal(to_numpy(found), expected)
