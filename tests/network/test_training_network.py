from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.network import (
    build_fast_twin,
    build_model,
    logits_model,
    read_weights,
    write_weights,
)

LAYERS = [
    {
        "Conv2D": {
            "filters": 24,
            "kernel_size": 2,
            "kernel_initializer": {"Whitening": {"trainable": False}},
            "activation": "gelu",
        }
    },
    {
        "Residual": [
            {"Conv2D": {"filters": 24, "kernel_size": 3, "padding": "same"}},
            "BatchNormalization",
            {"Activation": "gelu"},
        ]
    },
    "GlobalAveragePooling2D",
    {"Dense": 10},
    {"Rescaling": 0.125},
]
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)


def twins(make_config, precision):
    config = make_config(LAYERS)
    model = build_model(config, 10)
    twin = build_fast_twin(config, 10, precision)
    write_weights(twin, read_weights(model))
    return model, twin


def test_the_twin_answers_the_same(keras, make_config):
    model, twin = twins(make_config, "float32")
    for training in (False, True):
        np.testing.assert_allclose(
            twin(IMAGES, training=training),
            model(IMAGES, training=training),
            rtol=1e-4,
            atol=1e-6,
        )
    for name, value in read_weights(model).items():
        np.testing.assert_allclose(read_weights(twin)[name], value, rtol=1e-4)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_in_16_bits_it_answers_nearly_the_same(keras, make_config, precision):
    model, twin = twins(make_config, precision)
    found, expected = logits_model(twin)(IMAGES), logits_model(model)(IMAGES)
    assert found.dtype.name == "float32"
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert {weight.dtype for weight in twin.weights} == {"float32"}


def test_from_the_last_layer_with_weights_on_all_is_exact(keras, make_config):
    _, twin = twins(make_config, "mixed_bfloat16")
    computed = {layer.name: layer.compute_dtype for layer in twin.layers}
    assert computed["conv2d_1"] == computed["residual_1"] == "bfloat16"
    assert computed["batch_normalization_1"] == "bfloat16"
    assert computed["normalization"] == computed["dense_1"] == "float32"
    assert computed["rescaling_1"] == computed["probabilities"] == "float32"


def test_frozen_filters_leave_their_bias_to_learn(keras, make_config):
    model, twin = twins(make_config, "float32")
    learning = [weight.path for weight in twin.trainable_weights]
    assert learning[:2] == ["conv2d_1/bias", "conv2d_2/kernel"]
    assert model.trainable_weights[0].path == "conv2d_1/kernel"


def test_gelu_is_one_operation_where_there_is_one(keras, make_config, monkeypatch):
    from cifarcnn import engine
    from cifarcnn.network import training_network

    _, twin = twins(make_config, "mixed_bfloat16")
    assert twin.get_layer("conv2d_1").activation is engine.fused_gelu
    assert twin.get_layer("activation_1").activation is engine.fused_gelu
    monkeypatch.setattr(training_network, "has_fused_gelu", lambda: False)
    _, plain = twins(make_config, "mixed_bfloat16")
    assert plain.get_layer("conv2d_1").activation is keras.activations.gelu
