from __future__ import annotations

import pytest

from cifarcnn.config.initializers import L1L2, HeNormal, Orthogonal
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.optimizers import SGD, Adafactor, AdamW
from cifarcnn.network import convert_choice


def test_a_choice_becomes_the_keras_object_of_its_name(keras):
    optimizer = convert_choice(keras.optimizers, SGD(momentum=0.9, nesterov=True))
    assert type(optimizer) is keras.optimizers.SGD
    assert optimizer.get_config()["momentum"] == 0.9
    assert optimizer.get_config()["nesterov"] is True


def test_an_override_takes_the_place_of_a_field(keras):
    optimizer = convert_choice(keras.optimizers, AdamW(), learning_rate=0.25)
    assert float(optimizer.get_config()["learning_rate"]) == 0.25
    assert optimizer.get_config()["weight_decay"] == 0.004


@pytest.mark.parametrize("choice", [HeNormal(), Orthogonal(gain=2.0)])
def test_initializers_are_keras_ones(keras, choice):
    made = convert_choice(keras.initializers, choice)
    assert type(made) is getattr(keras.initializers, choice.type)


def test_regularizers_keep_their_factors(keras):
    made = convert_choice(keras.regularizers, L1L2(l1=0.125, l2=0.25))
    assert (float(made.l1), float(made.l2)) == (0.125, 0.25)


def test_every_layer_of_the_config_is_a_keras_layer_except_residual(keras):
    missing = {
        layer.__name__ for layer in LAYERS if not hasattr(keras.layers, layer.__name__)
    }
    assert missing == {"Residual"}


def test_every_field_of_an_optimizer_is_an_argument_of_keras(keras):
    assert (
        convert_choice(keras.optimizers, Adafactor()).get_config()["beta_2_decay"]
        == -0.8
    )
