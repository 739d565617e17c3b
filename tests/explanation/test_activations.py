"""What is said of an activation, against the activation itself."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from cifarcnn.config.layers.base import Activation
from cifarcnn.explanation.activations import (
    CUTTING,
    describe_function,
    sample_function,
)

NAMES = sorted(set(get_args(Activation)) - {"linear", "softmax"})


@pytest.mark.parametrize("name", NAMES)
def test_every_activation_has_a_sentence_and_a_curve(name: str, keras: Any) -> None:
    assert describe_function(name).endswith(".")
    inputs, results = sample_function(name)
    assert inputs == pytest.approx(np.linspace(-4, 4, 161), abs=1e-6)
    assert results.dtype == np.float32 and np.isfinite(results).all()


@pytest.mark.parametrize("name", NAMES)
def test_those_that_make_many_values_zero_are_known(name: str, keras: Any) -> None:
    inputs, results = sample_function(name)
    share = ((results == 0) & (inputs != 0)).mean()
    assert (share > 0.1) == (name in CUTTING)


# What the sentences claim, at inputs far out.
CLAIMS = {
    "relu": (0, 50),
    "relu6": (0, 6),
    "leaky_relu": (-10, 50),
    "elu": (-1, 50),
    "selu": (-1.76, 52.5),
    "gelu": (0, 50),
    "silu": (0, 50),
    "swish": (0, 50),
    "mish": (0, 50),
    "softplus": (0, 50),
    "softsign": (-1, 1),
    "tanh": (-1, 1),
    "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1),
    "hard_silu": (0, 50),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_the_sentences_are_true(name: str, keras: Any) -> None:
    function = keras.activations.get(name)
    found = np.asarray(function(keras.ops.convert_to_tensor([-50.0, 50.0])))
    assert found == pytest.approx(CLAIMS[name], abs=0.04)


def test_the_curve_of_relu(keras: Any) -> None:
    inputs, results = sample_function("relu")
    assert np.array_equal(results, np.maximum(inputs, 0))
