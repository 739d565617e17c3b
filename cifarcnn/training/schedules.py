"""The learning rate of every step, computed inside the compiled step.

A rate is ``peak * fraction(step)``, with steps counted from 0. During a warm-up of
``w`` steps the fraction is ``(step + 1) / (w + 1)``, so that step ``w`` is the first
at full rate and no step is wasted at 0. The last step of the whole training has the
final fraction.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

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

Fraction = Callable[[Any], Any]


def learning_rate(
    schedule: Choice, peak: float, epochs: int, steps_per_epoch: int
) -> Any:
    """What to give a Keras optimizer as its learning rate.

    Args:
        schedule: From the config.
        peak: The full rate.
        epochs: Of the whole training.
        steps_per_epoch: Steps in one epoch.

    Returns:
        A number where the rate stays or a callback moves it, else a
        ``keras.optimizers.schedules.LearningRateSchedule``.
    """
    if isinstance(schedule, ReduceLROnPlateau):
        return peak
    if isinstance(schedule, Constant) and schedule.warmup_epochs == 0:
        return peak
    return _in_graph(
        peak, _fraction(schedule, epochs * steps_per_epoch, steps_per_epoch)
    )


def _in_graph(peak: float, fraction: Fraction) -> Any:
    import keras

    class PlannedRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """``peak`` times the fraction of the step."""

        def __call__(self, step: Any) -> Any:
            return peak * fraction(keras.ops.cast(step, "float32"))

    return PlannedRate()


def _fraction(schedule: Any, total: int, steps_per_epoch: int) -> Fraction:
    if isinstance(schedule, Triangle):
        return _triangle(schedule, total)
    warmup = min(round(schedule.warmup_epochs * steps_per_epoch), total)
    # From the first step at full rate to the last step of all.
    span = max(total - 1 - warmup, 1)
    if isinstance(schedule, CosineDecay):
        after = _cosine(schedule.final_fraction, warmup, span)
    elif isinstance(schedule, LinearDecay):
        after = _linear(schedule.final_fraction, warmup, span)
    elif isinstance(schedule, StepDecay):
        after = _steps(schedule, steps_per_epoch)
    elif isinstance(schedule, ExponentialDecay):
        after = _exponential(schedule.factor_per_epoch, warmup, steps_per_epoch)
    else:
        after = _full
    return _warmed_up(after, warmup)


def _warmed_up(after: Fraction, warmup: int) -> Fraction:
    def fraction(step: Any) -> Any:
        import keras

        rising = (step + 1) / (warmup + 1)
        return keras.ops.where(step < warmup, rising, after(step))

    return fraction if warmup else after


def _full(step: Any) -> Any:
    return step * 0 + 1


def _cosine(final: float, warmup: int, span: int) -> Fraction:
    def fraction(step: Any) -> Any:
        import keras

        half_wave = 0.5 * (1 + keras.ops.cos(math.pi * _progress(step, warmup, span)))
        return final + (1 - final) * half_wave

    return fraction


def _linear(final: float, warmup: int, span: int) -> Fraction:
    def fraction(step: Any) -> Any:
        return 1 + (final - 1) * _progress(step, warmup, span)

    return fraction


def _steps(schedule: StepDecay, steps_per_epoch: int) -> Fraction:
    borders = [round(epoch * steps_per_epoch) for epoch in schedule.at_epochs]

    def fraction(step: Any) -> Any:
        import keras

        passed = sum(keras.ops.cast(step >= border, "float32") for border in borders)
        return keras.ops.power(schedule.factor, passed)

    return fraction


def _exponential(factor: float, warmup: int, steps_per_epoch: int) -> Fraction:
    def fraction(step: Any) -> Any:
        import keras

        return keras.ops.exp(math.log(factor) * (step - warmup) / steps_per_epoch)

    return fraction


def _triangle(schedule: Triangle, total: int) -> Fraction:
    last = max(total - 1, 1)
    peak_step = schedule.peak_at_fraction * last
    # A side without steps is never taken, but both are computed.
    before, behind = max(peak_step, 1e-3), max(last - peak_step, 1e-3)

    def fraction(step: Any) -> Any:
        import keras

        start, final = schedule.start_fraction, schedule.final_fraction
        rising = start + (1 - start) * step / before
        falling = 1 + (final - 1) * (step - peak_step) / behind
        return keras.ops.where(step < peak_step, rising, falling)

    return fraction


def _progress(step: Any, warmup: int, span: int) -> Any:
    """From 0 in the first step at full rate to 1 in the last step."""
    import keras

    return keras.ops.clip((step - warmup) / span, 0.0, 1.0)
