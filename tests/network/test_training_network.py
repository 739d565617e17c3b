from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.network import training_network
from cifarcnn.network.builder import build_model, logits_model
from cifarcnn.network.max_pooling import ComparedMaxPooling2D
from cifarcnn.network.training_network import (
    activations_after_pooling,
    build_training_network,
)
from cifarcnn.network.weights import read_weights, write_weights

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


def both_networks(make_config, precision):
    config = make_config(LAYERS)
    model = build_model(config, 10)
    trained = build_training_network(config, 10, precision)
    write_weights(trained, read_weights(model))
    return model, trained


def test_it_answers_the_same(keras, make_config):
    model, trained = both_networks(make_config, "float32")
    for training in (False, True):
        np.testing.assert_allclose(
            trained(IMAGES, training=training),
            model(IMAGES, training=training),
            rtol=1e-4,
            atol=1e-6,
        )
    for name, value in read_weights(model).items():
        np.testing.assert_allclose(read_weights(trained)[name], value, rtol=1e-4)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_in_16_bits_it_answers_nearly_the_same(keras, make_config, precision):
    model, trained = both_networks(make_config, precision)
    found, expected = logits_model(trained)(IMAGES), logits_model(model)(IMAGES)
    assert found.dtype.name == "float32"
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert {weight.dtype for weight in trained.weights} == {"float32"}


def test_from_the_last_layer_with_weights_on_all_is_exact(keras, make_config):
    _, trained = both_networks(make_config, "mixed_bfloat16")
    computed = {layer.name: layer.compute_dtype for layer in trained.layers}
    assert computed["conv2d_1"] == computed["residual_1"] == "bfloat16"
    assert computed["batch_normalization_1"] == "bfloat16"
    assert computed["normalization"] == computed["dense_1"] == "float32"
    assert computed["rescaling_1"] == computed["probabilities"] == "float32"


def test_frozen_filters_leave_their_bias_to_learn(keras, make_config):
    model, trained = both_networks(make_config, "float32")
    learning = [weight.path for weight in trained.trainable_weights]
    assert learning[:2] == ["conv2d_1/bias", "conv2d_2/kernel"]
    assert model.trainable_weights[0].path == "conv2d_1/kernel"


def test_gelu_is_one_operation_where_there_is_one(keras, make_config, monkeypatch):
    from cifarcnn.engine.tensorflow_only import fused_gelu

    _, trained = both_networks(make_config, "mixed_bfloat16")
    assert trained.get_layer("conv2d_1").activation is fused_gelu
    assert trained.get_layer("activation_1").activation is fused_gelu
    monkeypatch.setattr(training_network, "has_fused_gelu", lambda: False)
    _, plain = both_networks(make_config, "mixed_bfloat16")
    assert plain.get_layer("conv2d_1").activation is keras.activations.gelu


def test_without_the_operation_normalization_is_that_of_keras(
    keras, make_config, monkeypatch
):
    monkeypatch.setattr(training_network, "has_fused_batch_norm", lambda: False)
    _, trained = both_networks(make_config, "mixed_bfloat16")
    made = trained.get_layer("batch_normalization_1")
    assert type(made) is keras.layers.BatchNormalization
    assert made.compute_dtype == "bfloat16"


def convolution(activation, **arguments):
    return {
        "Conv2D": {
            "filters": 8,
            "kernel_size": 3,
            "activation": activation,
            "bias_initializer": {"RandomNormal": {"stddev": 0.1}},
            **arguments,
        }
    }


def layers_with(activation):
    return [
        convolution(activation),
        {"MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}},
        {
            "Residual": [
                convolution(activation, padding="same"),
                {"MaxPooling2D": {"pool_size": 3, "strides": 1, "padding": "same"}},
            ]
        },
        convolution(activation),
        "GlobalAveragePooling2D",
        {"Dense": 10},
    ]


def gradients(model):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(logits_model(model)(IMAGES, training=True)[:, 3])
    return tape.gradient(loss, model.trainable_weights)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "softplus"])
def test_pooling_before_the_activation_changes_no_answer_and_no_gradient(
    keras, make_config, activation
):
    config = make_config(layers_with(activation))
    model, trained = build_model(config, 10), build_training_network(config, 10)
    write_weights(trained, read_weights(model))
    assert (
        type(trained.get_layer("max_pooling2d_1")).__name__ == "ActivatedMaxPooling2D"
    )
    assert trained.get_layer("conv2d_1").activation is keras.activations.linear
    np.testing.assert_allclose(
        logits_model(trained)(IMAGES), logits_model(model)(IMAGES), rtol=1e-5, atol=1e-6
    )
    for found, expected in zip(gradients(trained), gradients(model), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_pooling_that_directly_follows_takes_the_activation(make_config):
    layers = make_config(layers_with("relu")).model.layers
    assert activations_after_pooling(layers) == {
        "conv2d_1": "relu",
        "max_pooling2d_1": "relu",
        "conv2d_2": "relu",
        "max_pooling2d_2": "relu",
    }


def test_a_penalty_is_of_the_activated_values(keras, make_config):
    penalized = convolution("relu", activity_regularizer={"L1": 0.01})
    layers = [penalized, "MaxPooling2D", "GlobalAveragePooling2D", {"Dense": 10}]
    config = make_config(layers)
    model, trained = build_model(config, 10), build_training_network(config, 10)
    write_weights(trained, read_weights(model))
    for each in (model, trained):
        each(IMAGES)
    assert float(model.losses[0]) > 0
    np.testing.assert_allclose(trained.losses, model.losses, rtol=1e-5)


@pytest.mark.parametrize("activation", ["gelu", "silu", "linear"])
def test_an_activation_that_falls_somewhere_stays(make_config, activation):
    assert not activations_after_pooling(
        make_config(layers_with(activation)).model.layers
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradient_of_separate_windows_is_compared_where_steps_are_compiled(
    make_config, compiled
):
    layers = [
        {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}},
        {"MaxPooling2D": {"pool_size": 2, "name": "separate"}},
        {"MaxPooling2D": {"pool_size": 3, "strides": 2, "name": "overlapping"}},
        "GlobalAveragePooling2D",
        {"Dense": 10},
    ]
    model = build_training_network(make_config(layers), 10, compiled=compiled)
    kinds = [
        isinstance(model.get_layer(name), ComparedMaxPooling2D)
        for name in ("separate", "overlapping")
    ]
    assert kinds == [compiled, False]
    assert model.get_layer("separate").activation.__name__ == "relu"
