from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.network.conv_bias import convolution_with_cheap_bias


@pytest.mark.parametrize("use_bias", [True, False])
def test_it_answers_and_learns_like_the_one_of_keras(keras, make_config, use_bias):
    import tensorflow as tf

    convolution = {
        "filters": 4,
        "kernel_size": 3,
        "padding": "same",
        "activation": "relu",
        "use_bias": use_bias,
    }
    layers = [{"Conv2D": convolution}, "GlobalAveragePooling2D", {"Dense": 10}]
    ours = convolution_with_cheap_bias(
        make_config(layers).model.layers[0], dtype="float32"
    )
    theirs = keras.layers.Conv2D(**convolution)
    draw = np.random.default_rng(0)
    maps = tf.constant(draw.normal(size=(5, 8, 8, 3)).astype("float32"))
    for layer in (ours, theirs):
        layer.build(maps.shape)
    weights = [draw.normal(size=w.shape).astype("float32") for w in ours.weights]
    found = []
    for layer in (ours, theirs):
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            answer = layer(maps)
            loss = tf.reduce_sum(tf.square(answer))
        watched = [maps, *(w.value for w in layer.trainable_weights)]
        found.append((answer, *tape.gradient(loss, watched)))
    assert len(found[0]) == (4 if use_bias else 3)
    for mine, expected in zip(*found, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-4)
