"""GELU in one operation, its slope by finite differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cifarcnn import engine


@pytest.fixture(scope="module", autouse=True)
def tensorflow_only() -> Any:
    engine.start("cpu")
    from cifarcnn.engine import tensorflow_only

    return tensorflow_only


def formula(values: np.ndarray) -> np.ndarray:
    """x times the share of a normal distribution below it, in double precision."""
    shares = [0.5 * math.erfc(-value * math.sqrt(0.5)) for value in values.ravel()]
    return values * np.reshape(shares, values.shape)


def slope(values: np.ndarray) -> np.ndarray:
    return (formula(values + 1e-5) - formula(values - 1e-5)) / 2e-5


VALUES = np.linspace(-9, 9, 2 * 3 * 5 * 7).reshape(2, 3, 5, 7)


@pytest.mark.parametrize(
    ("dtype", "rounding"),
    [("float32", 1e-6), ("bfloat16", 2**-8), ("float16", 2**-11)],
)
def test_values_and_gradients_are_those_of_the_formula(
    tensorflow_only, dtype, rounding
):
    import tensorflow as tf

    given = tf.cast(VALUES, dtype)
    upstream = tf.cast(np.random.default_rng(0).normal(size=VALUES.shape), dtype)
    with tf.GradientTape() as tape:
        tape.watch(given)
        found = tensorflow_only.fused_gelu(given)
    gradient = tape.gradient(found, given, output_gradients=upstream)
    assert found.dtype == gradient.dtype == given.dtype
    assert found.shape == gradient.shape == given.shape
    exact, above = tf.cast(given, "float64").numpy(), tf.cast(upstream, "float64")
    for values, expected in (
        (found, formula(exact)),
        (gradient, slope(exact) * above.numpy()),
    ):
        np.testing.assert_allclose(
            tf.cast(values, "float64"), expected, rtol=rounding, atol=2e-6
        )


def test_far_out_it_is_nothing_or_the_value_itself(tensorflow_only):
    values = np.array([-40, 0, 40, 1e30, np.inf], np.float32)
    expected = np.array([0, 0, 40, 1e30, np.inf], np.float32)
    np.testing.assert_allclose(
        tensorflow_only.fused_gelu(values), expected, 2e-7, atol=4e-6
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_it_is_part_of_a_graph_for_any_number_of_images(tensorflow_only, compiled):
    """Also of one that XLA compiles as a whole."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, 3, 5, 7))], jit_compile=compiled)
    def gradients(values):
        result = tensorflow_only.fused_gelu(values)
        assert result.shape.as_list() == [None, 3, 5, 7]
        return tf.gradients(result, values)[0]

    for count in (2, 1, 0):
        np.testing.assert_allclose(
            gradients(VALUES[:count]), slope(VALUES[:count]), atol=2e-6
        )


def test_no_values_it_has_on_another_backend_or_a_gpu(tensorflow_only, monkeypatch):
    import keras
    import tensorflow as tf

    assert tensorflow_only.has_fused_gelu()
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    assert not tensorflow_only.has_fused_gelu()
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    assert not tensorflow_only.has_fused_gelu()
