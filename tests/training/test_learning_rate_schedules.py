"""Golden values, worked out by hand for 10 epochs of 10 steps and a peak of 2."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cifarcnn.config.learning_rate_schedules import (
    SCHEDULES,
    Constant,
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LinearDecay,
    PiecewiseConstantDecay,
    ReduceLROnPlateau,
    Schedule,
    StepDecay,
    Triangle,
)
from cifarcnn.training.learning_rate_schedules import learning_rate


def rates(schedule: Schedule, steps: list[int], epochs: int = 10) -> list[float]:
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


def test_each_stretch_has_its_own_rate_whatever_the_optimizer_has(keras):
    schedule = PiecewiseConstantDecay(
        at_epochs=[3, 5.5], values=[0.4, 0.7, 0.03], warmup_epochs=0.1
    )
    found = rates(schedule, [0, 1, 29, 30, 54, 55, 99])
    assert found == pytest.approx([0.2, 0.4, 0.4, 0.7, 0.7, 0.03, 0.03], rel=1e-6)


def test_the_divisor_grows_with_the_steps_as_with_the_old_decay_of_sgd(keras):
    found = rates(InverseTimeDecay(decay_rate=0.5), [0, 1, 2, 98])
    assert found == pytest.approx([2.0, 2 / 1.5, 1.0, 0.04], rel=1e-6)


def test_the_divisor_grows_at_the_end_of_some_steps(keras):
    schedule = InverseTimeDecay(decay_rate=1, decay_steps=20, staircase=True)
    found = rates(schedule, [0, 19, 20, 59, 60])
    assert found == pytest.approx([2.0, 2.0, 1.0, 2 / 3, 0.5], rel=1e-6)
    # After a warm-up of 5 steps.
    schedule = schedule.model_copy(update={"warmup_epochs": 0.5, "staircase": False})
    assert rates(schedule, [5, 25, 45]) == pytest.approx([2.0, 1.0, 2 / 3], rel=1e-6)


def test_cosine_restarts_at_a_lower_top_and_takes_longer(keras):
    schedule = CosineDecayRestarts(first_decay_epochs=2, m_mul=0.5)
    # 20 steps, 40 from step 20 on, 80 from step 60 on.
    found = rates(schedule, [0, 10, 20, 40, 60, 100])
    assert found == pytest.approx([2.0, 1.0, 1.0, 0.5, 0.5, 0.25], rel=1e-6)
    schedule = CosineDecayRestarts(
        first_decay_epochs=1, t_mul=1, final_fraction=0.1, warmup_epochs=0.5
    )
    found = rates(schedule, [4, 5, 10, 14, 15, 25, 95])
    last = 0.1 + 0.9 * 0.5 * (1 + math.cos(0.9 * math.pi))
    expected = [2 * 5 / 6, 2.0, 1.1, 2 * last, 2.0, 2.0, 2.0]
    assert found == pytest.approx(expected, rel=1e-6)


STEPS = [0, 1, 7, 19, 21, 38, 59, 61, 99]


def test_those_with_arguments_of_keras_are_those_of_keras(keras):
    theirs = keras.optimizers.schedules
    pairs = [
        (
            InverseTimeDecay(decay_rate=0.3, decay_steps=7, staircase=staircase),
            theirs.InverseTimeDecay(2.0, 7, 0.3, staircase=staircase),
        )
        for staircase in (False, True)
    ]
    pairs.append(
        (
            CosineDecayRestarts(
                first_decay_epochs=2.1, t_mul=1.5, m_mul=0.8, final_fraction=0.05
            ),
            theirs.CosineDecayRestarts(2.0, 21, t_mul=1.5, m_mul=0.8, alpha=0.05),
        )
    )
    for own, other in pairs:
        expected = [float(other(step)) for step in STEPS]
        assert rates(own, STEPS) == pytest.approx(expected, rel=1e-4), own


FREE = [
    Constant(warmup_epochs=15),
    StepDecay(at_epochs=[3, 12]),
    PiecewiseConstantDecay(at_epochs=[3, 12], values=[3, 2, 1]),
    ExponentialDecay(factor_per_epoch=0.9),
    InverseTimeDecay(decay_rate=0.01),
    CosineDecayRestarts(first_decay_epochs=3),
    ReduceLROnPlateau(),
]
SPANNING = [CosineDecay(), LinearDecay(), Triangle()]


def test_only_schedules_that_span_the_training_depend_on_its_length(keras):
    assert {type(schedule) for schedule in FREE + SPANNING} == set(SCHEDULES)
    for schedule in FREE + SPANNING:
        rate = [learning_rate(schedule, 2.0, epochs, 10) for epochs in (10, 20)]
        if isinstance(rate[0], float):
            assert rate == [2.0, 2.0]
            assert not schedule.spans_training
            continue
        # To the bit.
        same = [float(rate[0](step)) == float(rate[1](step)) for step in STEPS]
        assert all(same) is not schedule.spans_training, schedule


@pytest.mark.parametrize(
    "schedule",
    [CosineDecay(), LinearDecay(), Triangle(), CosineDecay(warmup_epochs=500)],
)
def test_a_training_of_one_step_has_a_finite_rate(keras, schedule):
    rate = learning_rate(schedule, 2.0, 1, 1)
    assert 0 < float(rate(0)) <= 2.0
