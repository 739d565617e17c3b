from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.network.builder import build_model
from cifarcnn.network.weights import read_weights, to_numpy, write_weights


def test_weights_go_by_layer_and_name_and_leave_out_random_states(keras, make_config):
    layers = ["Flatten", {"Dropout": 0.5}, {"Dense": 10}, "BatchNormalization"]
    model = build_model(make_config(layers), 10)
    assert list(read_weights(model)) == [
        "dense_1/kernel",
        "dense_1/bias",
        "batch_normalization_1/gamma",
        "batch_normalization_1/beta",
        "batch_normalization_1/moving_mean",
        "batch_normalization_1/moving_variance",
    ]


def test_what_was_read_does_not_change_with_the_model(keras, make_config):
    model = build_model(make_config(["Flatten", {"Dense": 10}]), 10)
    arrays = read_weights(model)
    before = arrays["dense_1/bias"].copy()
    model.get_layer("dense_1").bias.assign(np.arange(10, dtype=np.float32))
    assert np.array_equal(arrays["dense_1/bias"], before)


def test_weights_written_are_the_weights_read(keras, make_config):
    model = build_model(make_config(["Flatten", {"Dense": 10}]), 10)
    arrays = {name: value + 1 for name, value in read_weights(model).items()}
    write_weights(model, arrays)
    for name, value in read_weights(model).items():
        assert np.array_equal(value, arrays[name])


def test_a_missing_array_is_an_error(keras, make_config):
    model = build_model(make_config(["Flatten", {"Dense": 10}]), 10)
    with pytest.raises(KeyError):
        write_weights(model, {})


def test_a_tensor_and_a_variable_become_arrays(keras):
    assert to_numpy(keras.ops.ones((2,))).tolist() == [1.0, 1.0]
    assert to_numpy(keras.Variable(3.0)).tolist() == 3.0
