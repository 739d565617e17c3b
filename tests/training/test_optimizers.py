from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.config.optimizers import (
    SGD,
    Adafactor,
    Adam,
    AdamW,
    Lion,
    Muon,
    Nadam,
    RMSprop,
)
from cifarcnn.training.optimizers import make_optimizer


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
    made = make_optimizer(SGD(momentum=0.5, nesterov=True), 0.25, weights, {})
    assert type(made) is keras.optimizers.SGD
    assert made.get_config()["momentum"] == 0.5
    assert made.get_config()["nesterov"] is True
    assert float(made.get_config()["learning_rate"]) == 0.25


@pytest.mark.parametrize(
    "kind", [SGD, Adam, AdamW, RMSprop, Nadam, Lion, Adafactor, Muon]
)
def test_every_field_of_every_optimizer_is_an_argument_of_keras(keras, weights, kind):
    choice = kind()
    made = make_optimizer(choice, 0.25, weights, {}).get_config()
    for name, value in choice.arguments().items():
        if name not in ("learning_rate", "exclude_from_weight_decay"):
            assert made[name] == pytest.approx(value) if value else made[name] == value


def test_a_multiplier_lengthens_the_steps_of_its_weights_only(keras, weights):
    made = make_optimizer(SGD(momentum=0.5), 0.1, weights, {"bias": 4.0})
    assert step(made, weights, [1.0, 1.0]) == pytest.approx([0.9, 0.6])
    # Momentum goes on with what was: 0.1 + 0.05, and four times that.
    assert step(made, weights, [1.0, 1.0]) == pytest.approx([0.75, 0.0], abs=1e-6)


def test_decay_goes_by_the_rate_without_the_multiplier(keras, weights):
    choice = SGD(weight_decay=0.5)
    made = make_optimizer(choice, 0.1, weights, {"*/bias": 4.0})
    assert step(made, weights, [0.0, 0.0]) == pytest.approx([0.95, 0.95])


def test_decay_spares_what_is_excluded(keras, weights):
    choice = SGD(weight_decay=0.5, exclude_from_weight_decay=["bias"])
    made = make_optimizer(choice, 0.1, weights, {})
    assert step(made, weights, [0.0, 0.0]) == pytest.approx([0.95, 1.0])


def test_all_of_it_with_adam(keras, weights):
    choice = AdamW(weight_decay=0.5, exclude_from_weight_decay=["dense_1/kernel"])
    made = make_optimizer(choice, 0.1, weights, {"kernel": 2.0})
    # The first step of Adam is as long as the rate.
    expected = [1 - 0.2, 1 * (1 - 0.05) - 0.1]
    assert step(made, weights, [3.0, 3.0]) == pytest.approx(expected, abs=1e-5)
