from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.config.layers.normalization import BatchNormalization
from cifarcnn.network.batch_normalization import FusedBatchNormalization
from cifarcnn.network.builder import convert_arguments, convert_choice
from cifarcnn.network.training_layers import ActivatedMaxPooling2D, SeparateBiasConv2D

CHOICE = BatchNormalization(
    momentum=0.75,
    epsilon=0.5,
    beta_initializer={"Constant": 0.25},
    gamma_initializer={"Constant": 2.0},
    name="norm",
)


def fused_batch_normalization(choice, dtype):
    return FusedBatchNormalization(**convert_arguments(choice.arguments()), dtype=dtype)


@pytest.fixture(scope="module")
def maps():
    random = np.random.default_rng(1)
    return random.normal(3, 2, (4, 5, 6, 3)).astype(np.float32)


def gradients(layer, maps, weights):
    """Of the weighted sum of the results, by the maps, gamma and beta."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        given = tf.Variable(maps)
        result = layer(given, training=True)
        total = tf.reduce_sum(tf.cast(result, tf.float32) * weights)
    variables = [given, *(weight.value for weight in layer.trainable_weights)]
    return [np.array(item) for item in tape.gradient(total, variables)]


def test_four_numbers_by_hand(keras):
    layer = fused_batch_normalization(CHOICE, "float32")
    # Mean 2.5, mean squared deviation 1.25; 1 over the root of 1.75 is 0.755929.
    result = layer(np.array([1, 2, 3, 4], "float32").reshape(2, 2, 1, 1), training=True)
    expected = 0.25 + 2 * np.array([-1.5, -0.5, 0.5, 1.5]) * 0.755929
    assert np.array(result).ravel() == pytest.approx(expected, abs=1e-5)
    # 0.75 * 0 + 0.25 * 2.5, and 0.75 * 1 + 0.25 * 1.25: not 5/3, as for a sample.
    assert np.array(layer.moving_mean.value) == pytest.approx([0.625])
    assert np.array(layer.moving_variance.value) == pytest.approx([1.0625])


def test_one_value_has_no_variance(keras):
    layer = fused_batch_normalization(CHOICE, "float32")
    result = layer(np.full((1, 1, 1, 1), 7, "float32"), training=True)
    assert np.array(result).ravel() == pytest.approx([0.25])
    assert np.array(layer.moving_variance.value) == pytest.approx([0.75])


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("epsilon", [1e-3, 1e-12])
def test_results_gradients_and_statistics_are_those_of_keras(
    keras, maps, scale, center, epsilon
):
    choice = CHOICE.model_copy(
        update={"scale": scale, "center": center, "epsilon": epsilon}
    )
    ours = fused_batch_normalization(choice, "float32")
    theirs = convert_choice(keras.layers, choice)
    weights = np.random.default_rng(2).normal(size=maps.shape).astype(np.float32)
    for found, expected in zip(
        gradients(ours, maps, weights), gradients(theirs, maps, weights), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    for training in (True, False):
        np.testing.assert_allclose(
            ours(maps, training=training),
            theirs(maps, training=training),
            rtol=1e-5,
            atol=1e-5,
        )
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    for found, expected in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(found.value, expected.value, rtol=1e-5, atol=1e-6)


def test_in_bfloat16_only_the_maps_are(keras, maps):
    ours = fused_batch_normalization(CHOICE, "mixed_bfloat16")
    theirs = convert_choice(keras.layers, CHOICE)
    result = ours(maps, training=True)
    assert result.dtype.name == "bfloat16"
    assert {weight.dtype for weight in ours.weights} == {"float32"}
    # The maps are rounded to 8 bits before, and so is the result.
    expected = theirs(maps, training=True)
    np.testing.assert_allclose(
        keras.ops.cast(result, "float32"), expected, rtol=0.02, atol=0.05
    )
    np.testing.assert_allclose(
        ours.moving_mean.value, theirs.moving_mean.value, rtol=1e-3
    )


def test_rows_are_normalized_by_keras(keras):
    rows = np.random.default_rng(3).normal(size=(8, 3)).astype(np.float32)
    ours = fused_batch_normalization(CHOICE, "float32")
    theirs = convert_choice(keras.layers, CHOICE)
    np.testing.assert_array_equal(
        ours(rows, training=True), theirs(rows, training=True)
    )


def test_a_frozen_layer_keeps_its_statistics(keras, maps):
    layer = fused_batch_normalization(CHOICE, "float32")
    layer.trainable = False
    layer(maps, training=True)
    assert np.array(layer.moving_mean.value) == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_convolution_answers_and_learns_like_that_of_keras(keras, use_bias):
    import tensorflow as tf

    convolution = {
        "filters": 4,
        "kernel_size": 3,
        "padding": "same",
        "activation": "relu",
        "use_bias": use_bias,
    }
    ours = SeparateBiasConv2D(**convolution)
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


def test_the_activation_comes_after_the_pooling():
    layer = ActivatedMaxPooling2D(activation="relu", pool_size=(1, 2))
    maps = np.array([-2, -1, 3, 4], "float32").reshape(1, 1, 4, 1)
    assert np.array(layer(maps)).ravel().tolist() == [0, 4]
