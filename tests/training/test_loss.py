from __future__ import annotations

import math

import numpy as np
import pytest

from cifarcnn.network.weights import to_numpy
from cifarcnn.training.loss import crossentropy
from cifarcnn.training.metrics import Accuracy

# Probabilities of 1/2, 1/4 and 1/4 after the softmax.
LOGITS = np.log(np.array([[2.0, 1.0, 1.0]], dtype=np.float32))


def test_the_loss_is_the_logarithm_of_the_right_probability(keras):
    loss = crossentropy(0.0, 3)
    found = to_numpy(loss(np.array([1]), keras.ops.convert_to_tensor(LOGITS)))
    assert found == pytest.approx([math.log(4)], abs=1e-6)


def test_smoothing_spreads_a_share_over_all_classes(keras):
    loss = crossentropy(0.3, 3)
    found = to_numpy(loss(np.array([0]), keras.ops.convert_to_tensor(LOGITS)))
    # Targets 0.8, 0.1 and 0.1.
    expected = 0.8 * math.log(2) + 0.2 * math.log(4)
    assert found == pytest.approx([expected], abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_fit_takes_labels_without_an_axis_of_their_own(keras, smoothing):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile(loss=crossentropy(smoothing, 3))
    both = np.repeat(LOGITS, 2, axis=0)
    found = model.evaluate(both, np.array([0, 0], np.int32), verbose=0)
    expected = {0.0: math.log(2), 0.3: 0.8 * math.log(2) + 0.2 * math.log(4)}
    assert found == pytest.approx(expected[smoothing], abs=1e-6)


def test_shares_of_classes_are_labels_too(keras):
    shares = np.array([[0.25, 0.75, 0.0]], dtype=np.float32)
    logits = keras.ops.convert_to_tensor(LOGITS)
    found = to_numpy(crossentropy(0.0, 3)(shares, logits))
    expected = 0.25 * math.log(2) + 0.75 * math.log(4)
    assert found == pytest.approx([expected], abs=1e-6)
    # Targets 0.7 * 0.25 + 0.1, 0.7 * 0.75 + 0.1 and 0.1.
    found = to_numpy(crossentropy(0.3, 3)(shares, logits))
    expected = 0.275 * math.log(2) + 0.725 * math.log(4)
    assert found == pytest.approx([expected], abs=1e-6)


def test_accuracy_counts_the_dominant_class(keras):
    logits = np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0], [5.0, 0.0, 4.0]])
    model = keras.Sequential()
    metric = Accuracy(model)
    model.compile("sgd", "mse", metrics=[metric])
    metric.update_state(np.array([0, 1, 2]), logits)
    assert metric.name == "accuracy"
    assert float(metric.result()) == pytest.approx(1 / 3)
    metric.reset_state()
    shares = np.array([[0.6, 0.0, 0.4], [0.3, 0.2, 0.5], [0.1, 0.0, 0.9]])
    metric.update_state(shares, logits)
    assert float(metric.result()) == pytest.approx(2 / 3)
