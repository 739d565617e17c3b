"""Golden values, worked out by hand for 10 epochs of 10 steps and a peak of 2."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cifarcnn.config.learning_rate_schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    ReduceLROnPlateau,
    StepDecay,
    Triangle,
)
from cifarcnn.config.named_choice import Choice
from cifarcnn.training.learning_rate_schedules import learning_rate


def rates(schedule: Choice, steps: list[int], epochs: int = 10) -> list[float]:
    import keras

    rate: Any = learning_rate(schedule, 2.0, epochs, 10)
    tensors = [keras.ops.convert_to_tensor(step, dtype="int64") for step in steps]
    return [float(rate(tensor)) for tensor in tensors]


def test_a_constant_rate_is_a_number(keras):
    assert learning_rate(Constant(), 2.0, 10, 10) == 2.0


def test_the_plateau_is_left_to_the_callback_of_keras(keras):
    assert learning_rate(ReduceLROnPlateau(), 2.0, 10, 10) == 2.0


def test_a_warm_up_rises_in_equal_steps_to_the_full_rate(keras):
    # 0.4 epochs are 4 steps: fifths of the full rate.
    found = rates(Constant(warmup_epochs=0.4), [0, 1, 3, 4, 50, 99])
    assert found == pytest.approx([0.4, 0.8, 1.6, 2.0, 2.0, 2.0])


def test_cosine_falls_by_half_a_wave_to_the_last_step(keras):
    schedule = CosineDecay(warmup_epochs=0.9, final_fraction=0.1)
    # Full at step 9, then 90 steps to step 99; the middle is step 54.
    found = rates(schedule, [0, 8, 9, 54, 99])
    assert found == pytest.approx([0.2, 1.8, 2.0, 1.1, 0.2], abs=1e-6)
    third = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 3))
    assert rates(schedule, [39]) == pytest.approx([2 * third], abs=1e-6)


def test_linear_falls_in_equal_steps_to_the_last_step(keras):
    schedule = LinearDecay(warmup_epochs=0.9, final_fraction=0.1)
    found = rates(schedule, [0, 9, 54, 99])
    assert found == pytest.approx([0.2, 2.0, 1.1, 0.2], abs=1e-6)


def test_linear_without_warm_up_starts_full_and_ends_at_nothing(keras):
    assert rates(LinearDecay(), [0, 33, 99]) == pytest.approx([2.0, 4 / 3, 0.0])


def test_triangle_rises_to_the_peak_and_falls_to_the_end(keras):
    schedule = Triangle(start_fraction=0.2, peak_at_fraction=1 / 3, final_fraction=0.1)
    # The peak lies at step 33 of 0..99.
    found = rates(schedule, [0, 11, 33, 66, 99])
    expected = [0.4, 2 * (0.2 + 0.8 / 3), 2.0, 1.1, 0.2]
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("peak", "ends"), [(0.0, [2.0, 0.2]), (1.0, [0.4, 2.0])])
def test_triangle_with_its_peak_at_an_end(keras, peak, ends):
    schedule = Triangle(start_fraction=0.2, peak_at_fraction=peak, final_fraction=0.1)
    assert rates(schedule, [0, 99]) == pytest.approx(ends, abs=1e-3)


def test_steps_fall_when_the_epochs_are_over(keras):
    schedule = StepDecay(at_epochs=[3, 5.5], factor=0.1, warmup_epochs=0.1)
    found = rates(schedule, [0, 1, 29, 30, 54, 55, 99])
    expected = [1.0, 2.0, 2.0, 0.2, 0.2, 0.02, 0.02]
    assert found == pytest.approx(expected, rel=1e-5)


def test_exponential_loses_the_factor_over_every_epoch(keras):
    schedule = ExponentialDecay(factor_per_epoch=0.25, warmup_epochs=0.5)
    # Full at step 5; half an epoch later the square root of the factor.
    found = rates(schedule, [0, 5, 10, 15, 25])
    assert found == pytest.approx([2 / 6, 2.0, 1.0, 0.5, 0.125], rel=1e-5)


@pytest.mark.parametrize(
    "schedule",
    [CosineDecay(), LinearDecay(), Triangle(), CosineDecay(warmup_epochs=500)],
)
def test_a_training_of_one_step_has_a_finite_rate(keras, schedule):
    rate = learning_rate(schedule, 2.0, 1, 1)
    assert 0 < float(rate(0)) <= 2.0
