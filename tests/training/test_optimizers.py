from __future__ import annotations

import math

import numpy as np
import pytest

from cifarcnn.config.optimizers import (
    OPTIMIZERS,
    SGD,
    Adadelta,
    Adagrad,
    Adamax,
    AdamW,
    Muon,
)
from cifarcnn.training.optimizers import build_optimizer


@pytest.fixture
def weights(keras):
    """Two weights of a network, both 1."""
    layer = keras.layers.Dense(1, bias_initializer="ones", kernel_initializer="ones")
    layer.name = "dense_1"
    layer.build((None, 1))
    return [layer.kernel, layer.bias]


def step(optimizer, weights, gradients):
    import tensorflow as tf

    pairs = zip(weights, gradients, strict=True)
    optimizer.apply([tf.fill(item.shape, slope) for item, slope in pairs], weights)
    return [float(np.array(weight.value).ravel()[0]) for weight in weights]


def test_the_optimizer_is_keras_one_with_its_arguments(keras, weights):
    made = build_optimizer(SGD(momentum=0.5, nesterov=True), 0.25, weights, {})
    assert type(made) is keras.optimizers.SGD
    assert made.get_config()["momentum"] == 0.5
    assert made.get_config()["nesterov"] is True
    assert float(made.get_config()["learning_rate"]) == 0.25


@pytest.mark.parametrize("kind", list(OPTIMIZERS))
def test_every_field_of_every_optimizer_is_an_argument_of_keras(keras, weights, kind):
    choice = kind()
    made = build_optimizer(choice, 0.25, weights, {}).get_config()
    for name, value in choice.arguments().items():
        if name not in ("learning_rate", "exclude_from_weight_decay"):
            assert made[name] == pytest.approx(value) if value else made[name] == value


def test_a_multiplier_lengthens_the_steps_of_its_weights_only(keras, weights):
    made = build_optimizer(SGD(momentum=0.5), 0.1, weights, {"bias": 4.0})
    assert step(made, weights, [1.0, 1.0]) == pytest.approx([0.9, 0.6])
    # Momentum goes on with what was: 0.1 + 0.05, and four times that.
    assert step(made, weights, [1.0, 1.0]) == pytest.approx([0.75, 0.0], abs=1e-6)


def test_decay_goes_by_the_rate_without_the_multiplier(keras, weights):
    choice = SGD(weight_decay=0.5)
    made = build_optimizer(choice, 0.1, weights, {"*/bias": 4.0})
    assert step(made, weights, [0.0, 0.0]) == pytest.approx([0.95, 0.95])


def test_decay_spares_what_is_excluded(keras, weights):
    choice = SGD(weight_decay=0.5, exclude_from_weight_decay=["bias"])
    made = build_optimizer(choice, 0.1, weights, {})
    assert step(made, weights, [0.0, 0.0]) == pytest.approx([0.95, 1.0])


def test_all_of_it_with_adam(keras, weights):
    choice = AdamW(weight_decay=0.5, exclude_from_weight_decay=["dense_1/kernel"])
    made = build_optimizer(choice, 0.1, weights, {"kernel": 2.0})
    # The first step of Adam is as long as the rate.
    expected = [1 - 0.2, 1 * (1 - 0.05) - 0.1]
    assert step(made, weights, [3.0, 3.0]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("choice", "length"),
    [
        # What the first step of each is, of the rate, with a gradient of 3.
        (Adadelta(), math.sqrt(1e-7 / (0.05 * 9 + 1e-7)) * 3),
        (Adagrad(initial_accumulator_value=7.0), 3 / 4),
        (Adamax(), 1.0),
    ],
)
def test_the_first_step_by_hand(keras, weights, choice, length):
    made = build_optimizer(choice, 0.1, weights, {"bias": 2.0})
    expected = [1 - 0.1 * length, 1 - 0.2 * length]
    assert step(made, weights, [3.0, 3.0]) == pytest.approx(expected, rel=1e-6)


# --- Muon, for filters ---------------------------------------------------------------


def change(keras, shape, gradient, choice, name="conv2d_1/kernel"):
    """What one step at a rate of 1 does to a weight of zeros."""
    layer, _, own = name.partition("/")
    with keras.name_scope(layer):
        weight = keras.Variable(np.zeros(shape, np.float32), name=own)
    optimizer = build_optimizer(choice, 1.0, [weight], {})
    optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [weight])
    return -np.array(weight.value)


PLAIN = Muon(rms_rate=None, weight_decay=None, adam_weight_decay=None, momentum=0.0)


def test_the_step_of_filters_is_nearly_orthogonal(keras):
    gradient = np.random.default_rng(0).normal(size=(3, 3, 4, 8))
    step = change(keras, (3, 3, 4, 8), gradient, PLAIN).reshape(36, 8)
    singular = np.linalg.svd(step, compute_uv=False)
    # The five iterations bring all singular values to between 0.7 and 1.2.
    assert 0.65 < singular.min() and singular.max() < 1.25
    # In the directions of the gradient's own singular vectors.
    left, _, right = np.linalg.svd(gradient.reshape(36, 8), full_matrices=False)
    inner = left.T @ step @ right.T
    assert np.abs(inner - np.diag(np.diag(inner))).max() < 1e-3


def test_one_iteration_by_hand(keras):
    # A 1x1 convolution of 2 channels and 2 filters; singular values 3/5 and 4/5 after
    # the norm of 5 is divided out: a s + b s^3 + c s^5.
    gradient = np.diag([3.0, 4.0]).reshape(1, 1, 2, 2)
    choice = PLAIN.model_copy(update={"ns_steps": 1})
    step = change(keras, (1, 1, 2, 2), gradient, choice).reshape(2, 2)
    expected = [3.4445 * s - 4.775 * s**3 + 2.0315 * s**5 for s in (0.6, 0.8)]
    assert np.diag(step) == pytest.approx(expected, rel=1e-4)
    assert np.abs(step - np.diag(np.diag(step))).max() < 1e-5


def test_the_scale_goes_by_the_sides_of_the_matrix(keras):
    gradient = np.random.default_rng(0).normal(size=(3, 3, 4, 8))
    plain = change(keras, (3, 3, 4, 8), gradient, PLAIN)
    choice = PLAIN.model_copy(update={"rms_rate": 0.5})
    scaled = change(keras, (3, 3, 4, 8), gradient, choice)
    # Half of the root of 36.
    np.testing.assert_allclose(scaled, 3 * plain, rtol=1e-4)


def test_dense_kernels_step_as_with_keras(keras):
    gradient = np.random.default_rng(0).normal(size=(5, 3))
    choice = Muon(weight_decay=None, adam_weight_decay=None)
    found = change(keras, (5, 3), gradient, choice)
    weight = keras.Variable(np.zeros((5, 3), np.float32), name="kernel")
    theirs = keras.optimizers.Muon(
        learning_rate=1.0, weight_decay=None, adam_weight_decay=None
    )
    theirs.apply([keras.ops.convert_to_tensor(gradient, "float32")], [weight])
    np.testing.assert_allclose(found, -np.array(weight.value), rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "excluded"),
    [
        ((3,), []),
        ((3, 3, 4, 1), []),
        ((3, 3, 4, 8), ["conv2d"]),
        ((5, 3), ["*", "conv2d"]),
    ],
)
def test_other_weights_go_by_adam(keras, shape, excluded):
    choice = PLAIN.model_copy(update={"exclude_layers": excluded})
    # The first step of Adam is as long as the rate, whatever the gradient.
    step = change(keras, shape, np.full(shape, 7.0), choice)
    assert step == pytest.approx(np.ones(shape), rel=1e-4)


def test_excluded_are_words_and_no_patterns(keras):
    gradient = np.random.default_rng(0).normal(size=(5, 3))
    choice = PLAIN.model_copy(update={"exclude_layers": ["*", "conv2.*"]})
    found, expected = (
        change(keras, (5, 3), gradient, each) for each in (choice, PLAIN)
    )
    np.testing.assert_array_equal(found, expected)
