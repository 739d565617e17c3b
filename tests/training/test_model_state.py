"""All numbers of a model, read at once."""

from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.training.training_data import load_training_data
from tests.training.conftest import build_training_model

AVERAGED = {"averaging": {"ExponentialMovingAverage": {"momentum": 0.5}}}


@pytest.fixture
def build(keras, make_config, make_dataset, device):
    def build(**settings):
        config = make_config(**settings)
        data = load_training_data(config, make_dataset(70))
        model, batches = build_training_model(config, data, device, "float32", 2)
        learn = model.make_steps(batches, training=True)

        def train(epoch):
            learn(batches.block(epoch, 0).numbers, 0, batches.steps_per_epoch)

        train(0)
        return model, train

    return build


@pytest.mark.parametrize("settings", [{}, AVERAGED])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_weights_to_keep_are_among_all_numbers(build, settings, swapped):
    model, _ = build(**settings)
    expected = model.read_weights()
    if swapped and model.weight_averages is not None:
        # As in a validation.
        model.weight_averages.swap()
    found = model.state.weights(model.state.read())
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_what_was_read_stays_as_it_was_when_the_training_goes_on(build):
    model, train = build()
    arrays = model.state.read()
    before = {name: array.copy() for name, array in arrays.items()}
    train(1)
    after = model.state.read()
    changed = [name for name in arrays if not np.array_equal(after[name], before[name])]
    assert len(changed) > 4
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])
        assert array.flags.owndata
