from __future__ import annotations

import pytest

from cifarcnn.config.initializers import (
    L1L2,
    HeNormal,
    Identity,
    Orthogonal,
    Whitening,
)
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.config.learning_rate_schedules import ReduceLROnPlateau
from cifarcnn.network.keras_objects import convert_choice


def test_a_choice_becomes_the_keras_object_of_its_name(keras):
    made = convert_choice(keras.callbacks, ReduceLROnPlateau(factor=0.25, cooldown=3))
    assert type(made) is keras.callbacks.ReduceLROnPlateau
    assert (made.factor, made.cooldown) == (0.25, 3)


def test_an_override_takes_the_place_of_a_field(keras):
    made = convert_choice(keras.callbacks, ReduceLROnPlateau(factor=0.25), factor=0.5)
    assert (made.factor, made.cooldown) == (0.5, 0)


@pytest.mark.parametrize("start", [Identity(), Whitening()])
def test_a_start_that_keras_lacks_is_that_of_pytorch(keras, start):
    layer = Conv2D(filters=4, kernel_size=3, kernel_initializer=start, name="one")
    made = convert_choice(keras.layers, layer).kernel_initializer
    assert type(made) is keras.initializers.VarianceScaling
    values = keras.ops.convert_to_numpy(made((3, 3, 8, 500)))
    # One over the root of the 72 numbers that a filter looks at.
    assert abs(values).max() == pytest.approx(72**-0.5, rel=1e-3)
    assert values.std() == pytest.approx((72 * 3) ** -0.5, rel=0.02)


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
