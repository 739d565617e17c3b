"""The gradient by comparison beside Keras's own, both compiled by XLA."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from cifarcnn.config.layers.pooling import MaxPooling2D
from cifarcnn.network.max_pooling import (
    ComparedMaxPooling2D,
    has_separate_windows,
    spread_gradient,
)

SCRIPT = """
import json, sys
from cifarcnn import engine
engine.start("cpu")
import keras, numpy as np
from keras import ops
from cifarcnn.network.max_pooling import ComparedMaxPooling2D

def gradient(layer, images, upstream):
    if keras.config.backend() == "jax":
        import jax
        slope = jax.grad(lambda maps: (layer(maps) * upstream).sum())
        return jax.jit(slope)(images)
    import tensorflow as tf
    @tf.function(jit_compile=True)
    def slope(maps):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            total = tf.reduce_sum(layer(maps) * upstream)
        return tape.gradient(total, maps)
    return slope(images)

random, different = np.random.default_rng(0), []
for window, dtype in (((2, 2), "float32"), ((3, 2), "float32"), ((3, 3), "bfloat16")):
    # Few values, so that most windows have several of the largest.
    images = random.integers(-2, 3, (4, 11, 13, 5))
    images = ops.cast(images, dtype)
    layers = [
        keras.layers.MaxPooling2D(window, dtype=dtype),
        ComparedMaxPooling2D(pool_size=window, dtype=dtype, activation="linear"),
    ]
    upstream = ops.cast(random.normal(size=layers[0](images).shape), dtype)
    kerass, ours = (
        ops.convert_to_numpy(ops.cast(gradient(each, images, upstream), "float32"))
        for each in layers
    )
    assert np.count_nonzero(ours) == np.prod(upstream.shape)
    different.append(int((kerass != ours).sum()))
print(json.dumps(different))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_of_equal_values_that_one_learns_which_learns_in_keras(backend: str):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [0, 0, 0]


def test_the_first_of_the_largest_values_of_a_window_has_the_gradient():
    maps = np.array([[1, 5, 7, 0, 9], [5, 5, 7, 7, 9], [9, 9, 9, 9, 9]], "float32")
    found = spread_gradient(
        maps[None, ..., None],
        np.array([[5.0, 7.0]], "float32")[None, ..., None],
        np.array([[0.25, -2.0]], "float32")[None, ..., None],
        (2, 2),
    )
    assert np.array(found)[0, ..., 0].tolist() == [
        [0, 0.25, -2, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]


def test_the_values_are_those_of_keras():
    import keras

    maps = np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype("float32")
    ours = ComparedMaxPooling2D(pool_size=2, activation="relu")(maps)
    assert (np.array(ours) >= 0).all()
    expected = keras.layers.ReLU()(keras.layers.MaxPooling2D(2)(maps))
    assert np.array_equal(ours, expected)


@pytest.mark.parametrize(
    ("arguments", "separate"),
    [
        ({}, True),
        ({"pool_size": (3, 2), "strides": (3, 2)}, True),
        ({"pool_size": (3, 3), "strides": (2, 2)}, False),
        ({"pool_size": (2, 2), "strides": (3, 3)}, False),
        ({"padding": "same"}, False),
    ],
)
def test_windows_that_overlap_or_are_filled_up_are_left_to_keras(
    arguments: dict[str, object], separate: bool
):
    layer = MaxPooling2D(**arguments)
    assert has_separate_windows(layer) is separate
