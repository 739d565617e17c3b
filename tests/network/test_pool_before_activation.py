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
from cifarcnn.network.pool_before_activation import activations_after_pooling

IMAGES = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)


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
def test_answers_and_gradients_stay_the_same(keras, make_config, activation):
    config = make_config(layers_with(activation))
    model, twin = build_model(config, 10), build_fast_twin(config, 10)
    write_weights(twin, read_weights(model))
    assert type(twin.get_layer("max_pooling2d_1")).__name__ == "ActivatedMaxPooling2D"
    assert twin.get_layer("conv2d_1").activation is keras.activations.linear
    np.testing.assert_allclose(
        logits_model(twin)(IMAGES), logits_model(model)(IMAGES), rtol=1e-5, atol=1e-6
    )
    for found, expected in zip(gradients(twin), gradients(model), strict=True):
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
    model, twin = build_model(config, 10), build_fast_twin(config, 10)
    write_weights(twin, read_weights(model))
    for each in (model, twin):
        each(IMAGES)
    assert float(model.losses[0]) > 0
    np.testing.assert_allclose(twin.losses, model.losses, rtol=1e-5)


@pytest.mark.parametrize("activation", ["gelu", "silu", "linear"])
def test_an_activation_that_falls_somewhere_stays(make_config, activation):
    assert not activations_after_pooling(
        make_config(layers_with(activation)).model.layers
    )
