from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.network import initialization
from cifarcnn.network.builder import build_model, normalization
from cifarcnn.network.initialization import (
    covariance_of_windows,
    set_whitening,
    with_identity,
    with_whitening,
)
from cifarcnn.network.weights import read_weights


def network(first, *others):
    return [
        {"Conv2D": {"kernel_size": 2, **first}},
        *others,
        "Flatten",
        {"Dense": {"units": 10}},
    ]


def test_the_first_filters_pass_one_channel_on_each():
    random = np.random.default_rng(0).normal(size=(3, 3, 2, 5))
    kernel = with_identity(random)
    assert kernel[1, 1, 0, 0] == kernel[1, 1, 1, 1] == 1
    assert np.abs(kernel[..., :2]).sum() == 2
    assert np.array_equal(kernel[..., 2:], random[..., 2:])


def test_with_fewer_filters_than_channels_the_last_channels_end():
    kernel = with_identity(np.ones((1, 1, 3, 2)))
    assert kernel[0, 0].tolist() == [[1, 0], [0, 1], [0, 0]]


def test_a_convolution_that_starts_as_identity_changes_nothing(keras, make_config):
    layers = network(
        {"filters": 3, "padding": "same", "kernel_initializer": "Identity"}
    )
    model = build_model(make_config(layers, "none"), 10)
    convolution = model.get_layer("conv2d_1")
    image = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    assert np.array_equal(np.array(convolution(image)), image)


def test_windows_of_two_values_by_hand():
    # Values 2 * pixel - 1: 1, 3, 5 side by side; windows (1, 3) and (3, 5).
    images = np.array([1, 2, 3], np.uint8).reshape(1, 1, 3, 1)
    two, minus = np.float32(2), np.float32(-1)
    covariance = covariance_of_windows(images, (1, 2), two, minus)
    assert covariance.tolist() == [[5, 9], [9, 17]]


def test_every_chunk_counts(monkeypatch):
    monkeypatch.setattr(initialization, "_CHUNK_PIXELS", 500 * 16)
    images = np.random.default_rng(0).integers(0, 256, (501, 4, 4, 3), dtype=np.uint8)
    scale, offset = np.float32([0.1, 0.2, 0.3]), np.float32([1, 2, 3])
    found = covariance_of_windows(images, (2, 2), scale, offset)
    values = images * scale + offset
    rows = np.array(
        [
            values[n, y : y + 2, x : x + 2].ravel()
            for n in range(501)
            for y in range(3)
            for x in range(3)
        ]
    )
    np.testing.assert_allclose(found, rows.T @ rows / len(rows), rtol=1e-4)


def test_two_by_two_by_hand():
    # Eigenvalues 4 along (1, 1) and 1 along (1, -1); with 0.25 - 0.25 = 0 added.
    covariance = np.array([[2.5, 1.5], [1.5, 2.5]]) - 0.25 * np.eye(2)
    kernel = with_whitening(np.full((1, 2, 1, 5), 9.0), covariance, 0.25)
    root = 0.5**0.5
    first, second = kernel[0, :, 0, 0], kernel[0, :, 0, 1]
    assert first == pytest.approx([root / 2, root / 2])
    assert np.abs(second) == pytest.approx([root, root])
    assert np.array_equal(kernel[..., 2:4], -kernel[..., :2])
    assert (kernel[..., 4] == 9).all()


def test_the_whitened_windows_of_images_are_independent(keras, make_config):
    random = np.random.default_rng(5)
    # Neighbours that are alike, as in images.
    images = random.integers(0, 256, (40, 16, 16, 3), np.uint8)
    images = images.repeat(2, axis=1).repeat(2, axis=2)
    layers = network(
        {
            "filters": 30,
            "use_bias": False,
            "kernel_initializer": {"Whitening": {"epsilon": 1e-9, "pictures": 40}},
        }
    )
    config = make_config(layers, "unit")
    model = build_model(config, 10)
    before = read_weights(model)
    set_whitening(model, config.model.layers, images, *normalization(config))
    after = read_weights(model)
    kernel = after["conv2d_1/kernel"]
    assert np.array_equal(kernel[..., 24:], before["conv2d_1/kernel"][..., 24:])
    assert np.array_equal(kernel[..., 12:24], -kernel[..., :12])
    assert np.array_equal(after["dense_1/kernel"], before["dense_1/kernel"])
    seen = np.array(model.get_layer("conv2d_1")(images.astype(np.float32) / 255))
    rows = seen[..., :12].reshape(-1, 12).astype(np.float64)
    np.testing.assert_allclose(rows.T @ rows / len(rows), np.eye(12), atol=1e-3)


def test_other_first_layers_are_left_alone(keras, make_config):
    config = make_config()
    model = build_model(config, 10)
    before = read_weights(model)
    images = np.zeros((3, 32, 32, 3), np.uint8)
    set_whitening(model, config.model.layers, images, 1.0, 0.0)
    after = read_weights(model)
    assert all(np.array_equal(after[name], before[name]) for name in before)


def test_the_saved_model_has_initializers_of_keras_only(keras, make_config, tmp_path):
    layers = network(
        {"filters": 12, "kernel_initializer": "Whitening"},
        {"Conv2D": {"filters": 12, "kernel_size": 3, "kernel_initializer": "Identity"}},
    )
    model = build_model(make_config(layers), 10)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.array_equal(
        np.array(loaded.get_layer("conv2d_2").kernel.value),
        np.array(model.get_layer("conv2d_2").kernel.value),
    )
