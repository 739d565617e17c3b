from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.config.optimizers import ExponentialMovingAverage, Lookahead
from cifarcnn.training.callbacks.swap_averages import SwapAverages
from cifarcnn.training.training_model import TrainingModel
from cifarcnn.training.weight_averaging import WeightAverages, averaging_rule


def numbers(*values):
    return [float(np.array(value)) for value in values]


def test_the_first_average_is_the_first_weight(keras):
    rule = averaging_rule(ExponentialMovingAverage(momentum=0.75), 10)
    assert numbers(*rule(5.0, 1.0, 1)) == [1.0, 1.0]


def test_later_a_share_of_the_old_average_is_kept(keras):
    rule = averaging_rule(ExponentialMovingAverage(momentum=0.75), 10)
    assert numbers(*rule(5.0, 1.0, 2)) == [0.75 * 5 + 0.25 * 1, 1.0]


@pytest.mark.parametrize(
    # 0.5 ** 2 times (steps / 10) ** 3.
    ("steps", "kept"),
    [(2, 0.25 * 0.2**3), (6, 0.25 * 0.6**3), (10, 0.25)],
)
def test_lookahead_keeps_more_and_more_of_the_slow_weight(keras, steps, kept):
    rule = averaging_rule(Lookahead(every_steps=2, momentum=0.5), 10)
    met = kept * 5 + (1 - kept) * 1
    assert numbers(*rule(5.0, 1.0, steps)) == pytest.approx([met, met])


def test_between_its_meetings_lookahead_changes_nothing(keras):
    rule = averaging_rule(Lookahead(every_steps=3, momentum=0.5), 10)
    assert numbers(*rule(5.0, 1.0, 4)) == [5.0, 1.0]


def test_the_default_keeps_what_airbench_keeps(keras):
    average, weight = numbers(*averaging_rule(Lookahead(), 480)(1.0, 0.0, 475))
    assert average == weight == pytest.approx(0.95**5 * (475 / 480) ** 3)


def test_lookahead_meets_after_the_last_step_in_any_case(keras):
    rule = averaging_rule(Lookahead(every_steps=4, momentum=0.5), 10)
    assert numbers(*rule(5.0, 1.0, 10)) == pytest.approx([1.25, 1.25])


@pytest.fixture
def model(keras):
    given = keras.Input((1,))
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    norm = keras.layers.BatchNormalization(momentum=0.5)
    return TrainingModel(given, dense(norm(given)))


def fit(model, averages, steps, validate=False):
    import tensorflow as tf

    model.add_averages(averages)
    model.compile("sgd", loss=lambda y, p: tf.reduce_mean(p) * 0)
    images = np.ones((steps, 1), np.float32)
    extra = {}
    if validate:
        extra = {"validation_data": (images, images)}
    model.fit(
        images,
        images,
        batch_size=1,
        verbose=0,
        callbacks=[SwapAverages()],
        **extra,
    )


def test_the_statistics_are_averaged_within_the_step(keras, model):
    averages = WeightAverages(
        model.weights, averaging_rule(ExponentialMovingAverage(momentum=0.5), 3)
    )
    fit(model, averages, 3)
    mean = next(name for name in averages.read() if name.endswith("moving_mean"))
    # The moving mean is 0.5, 0.75, 0.875; the averages 0.5, 0.625, 0.75.
    assert averages.read()[mean] == pytest.approx([0.75])
    statistics = next(item for item in model.weights if item.path == mean)
    assert np.array(statistics.value) == pytest.approx([0.875])


def test_lookahead_sets_the_statistics_back(keras, model):
    rule = averaging_rule(Lookahead(every_steps=3, momentum=0.5), 3)
    averages = WeightAverages(model.weights, rule)
    fit(model, averages, 3)
    mean = next(item for item in model.weights if item.path.endswith("moving_mean"))
    # A share of 0.5 ** 3 of the start, which was 0.
    assert np.array(mean.value) == pytest.approx([0.875 * 0.875])
    assert averages.read()[mean.path] == pytest.approx([0.875 * 0.875])


def test_validation_sees_the_averages_and_training_does_not(keras, model):
    averages = WeightAverages(
        model.weights, averaging_rule(ExponentialMovingAverage(momentum=0.5), 3)
    )
    averages.averages[0].assign([9.0])
    before = averages.read()
    held = np.array(averages.weights[0].value)
    averages.swap()
    assert np.array(averages.weights[0].value) == pytest.approx([9.0])
    assert all(np.array_equal(averages.read()[name], before[name]) for name in before)
    averages.swap()
    assert np.array_equal(np.array(averages.weights[0].value), held)


def test_a_validated_epoch_ends_with_everything_in_its_place(keras, model):
    averages = WeightAverages(
        model.weights, averaging_rule(ExponentialMovingAverage(momentum=0.5), 3)
    )
    fit(model, averages, 3, validate=True)
    assert not averages.swapped
    mean = next(item for item in model.weights if item.path.endswith("moving_mean"))
    assert np.array(mean.value) == pytest.approx([0.875])
    assert averages.read()[mean.path] == pytest.approx([0.75])
