"""Resizing by matrices beside Keras's layers, also where XLA compiles it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.config.layers.pooling import MaxPooling2D, Resizing, UpSampling2D
from cifarcnn.network.builder import build_model
from cifarcnn.network.resizing import (
    MatrixResizing,
    MatrixUpSampling2D,
    find_matrix_layer,
    interpolation_matrix,
)
from cifarcnn.network.training_network import build_training_network
from cifarcnn.network.weights import read_weights, write_weights

SIZES = [(96, 64), (33, 41), (20, 24), (5, 7), (32, 40), (1, 1), (224, 13)]
IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, 32, 40, 2)).astype(np.float32)


def test_values_lie_in_the_middle_of_the_cells() -> None:
    # Twice as many: a quarter of a cell before and behind the middles.
    assert interpolation_matrix(2, 4, "bilinear").tolist() == [
        [1, 0],
        [0.75, 0.25],
        [0.25, 0.75],
        [0, 1],
    ]
    assert interpolation_matrix(4, 2, "bilinear").tolist() == [
        [0.5, 0.5, 0, 0],
        [0, 0, 0.5, 0.5],
    ]
    # Those of 3 cells lie at 1/3, 1 and 5/3.
    assert interpolation_matrix(2, 3, "nearest").tolist() == [[1, 0], [0, 1], [0, 1]]
    assert interpolation_matrix(3, 3, "bilinear").tolist() == np.eye(3).tolist()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_maps_are_those_of_keras(keras: Any, size: Any, interpolation: str) -> None:
    arguments = {"height": size[0], "width": size[1], "interpolation": interpolation}
    found = MatrixResizing(**arguments)(IMAGES)
    expected = keras.layers.Resizing(**arguments)(IMAGES)
    assert found.dtype == expected.dtype and found.shape == (3, *size, 2)
    np.testing.assert_allclose(found, expected, atol=3e-6)
    if interpolation == "nearest":
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("factor", [2, 3, (5, 1)])
def test_larger_maps_are_those_of_keras(keras: Any, factor: Any) -> None:
    found = MatrixUpSampling2D(factor, interpolation="bilinear")(IMAGES)
    expected = keras.layers.UpSampling2D(factor, interpolation="bilinear")(IMAGES)
    np.testing.assert_allclose(found, expected, atol=3e-6)


@pytest.mark.parametrize(
    ("size", "interpolation"), [((96, 120), "bilinear"), ((20, 64), "nearest")]
)
def test_compiled_by_xla_the_gradient_is_the_same(
    keras: Any, size: Any, interpolation: str
) -> None:
    # Keras's own layer is off by as much as the values there, or refused.
    import tensorflow as tf

    arguments = {"height": size[0], "width": size[1], "interpolation": interpolation}
    upstream = np.random.default_rng(1).normal(size=(3, *size, 2)).astype(np.float32)

    def slope(layer: Any, images: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            maps = layer(images)
            total = tf.reduce_sum(maps * upstream)
        return maps, tape.gradient(total, images)

    images = tf.constant(IMAGES)
    ours = MatrixResizing(**arguments)
    compiled = tf.function(lambda images: slope(ours, images), jit_compile=True)
    expected = slope(keras.layers.Resizing(**arguments), images)
    for found, wanted in zip(compiled(images), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_in_16_bits_the_result_is_rounded_once(keras: Any) -> None:
    layer = MatrixResizing(50, 50, dtype="mixed_bfloat16")
    found = layer(IMAGES)
    assert found.dtype.name == "bfloat16"
    exact = keras.ops.cast(keras.ops.cast(IMAGES, "bfloat16"), "float32")
    expected = keras.ops.cast(MatrixResizing(50, 50)(exact), "bfloat16")
    assert np.array_equal(found, expected)


def test_only_what_is_resized_is_replaced(keras: Any) -> None:
    assert find_matrix_layer(Resizing(height=3, width=3)) is MatrixResizing
    assert find_matrix_layer(UpSampling2D(interpolation="bilinear")) is (
        MatrixUpSampling2D
    )
    assert find_matrix_layer(UpSampling2D()) is None
    assert find_matrix_layer(MaxPooling2D()) is None


def test_a_network_is_trained_as_it_answers(keras: Any, make_config: Any) -> None:
    config = make_config(
        [
            {"Resizing": {"height": 48, "width": 40}},
            {"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 4}},
            {"UpSampling2D": {"size": 3, "interpolation": "bilinear"}},
            {"Resizing": {"height": 9, "width": 40, "interpolation": "nearest"}},
            "GlobalAveragePooling2D",
            {"Dense": 10},
        ]
    )
    model = build_model(config, 10)
    assert type(model.get_layer("resizing_1")) is keras.layers.Resizing
    trained = build_training_network(config, 10)
    assert type(trained.get_layer("resizing_1")) is MatrixResizing
    assert type(trained.get_layer("up_sampling2d_1")) is MatrixUpSampling2D
    write_weights(trained, read_weights(model))
    pixels = np.random.default_rng(2).integers(0, 256, (4, 32, 32, 3), np.uint8)
    np.testing.assert_allclose(trained(pixels), model(pixels), atol=1e-6)
