"""The learning rate of every step, computed inside the compiled step.

A rate is ``peak * fraction(step)``, with steps counted from 0. During a warm-up of
``w`` steps the fraction is ``(step + 1) / (w + 1)``, so that step ``w`` is the first
at full rate and no step is wasted at 0. The last step of the whole training has the
final fraction. Keras's own schedules have neither, and know steps only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
from keras import ops

from cifarcnn.config import Config
from cifarcnn.config.learning_rate_schedules import Schedule
from cifarcnn.network.builder import convert_choice

# From a step, counted from 0, to a fraction of the peak.
Fraction: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Steps:
    """How many steps there are: in all, in an epoch, and before the full rate."""

    total: int
    per_epoch: int
    warmup: int

    def progress(self, step: Any) -> Any:
        """From 0 in the first step at full rate to 1 in the last step."""
        span = max(self.total - 1 - self.warmup, 1)
        return ops.clip((step - self.warmup) / span, 0.0, 1.0)


class PlannedRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """``peak`` times the fraction of the step."""

    def __init__(self, peak: float, fraction: Fraction) -> None:
        self.peak = peak
        self.fraction = fraction

    def __call__(self, step: Any) -> Any:
        return self.peak * self.fraction(ops.cast(step, "float32"))


def learning_rate(
    schedule: Schedule, peak: float, epochs: int, steps_per_epoch: int
) -> float | PlannedRate:
    """What to give a Keras optimizer as its learning rate.

    Args:
        schedule: From the config.
        peak: The full rate, unless the schedule has rates of its own.
        epochs: Of the whole training.
        steps_per_epoch: Steps in one epoch.

    Returns:
        A number where the rate stays or a callback moves it, else a Keras schedule.

    Raises:
        KeyError: The kind of schedule is not known.
    """
    peak = schedule.full_rate(peak)
    warmup_epochs = getattr(schedule, "warmup_epochs", 0)
    if schedule.type in _UNPLANNED and warmup_epochs == 0:
        return peak
    total = epochs * steps_per_epoch
    warmup = round(warmup_epochs * steps_per_epoch)
    steps = Steps(total, steps_per_epoch, warmup)
    fraction = _FRACTIONS[schedule.type](schedule, steps)
    return PlannedRate(peak, _warmed_up(fraction, warmup) if warmup else fraction)


def describe_new_plan(
    config: Config, rate_before: float | None, rate_after: float
) -> str:
    """What another number of epochs means for the learning rate, as a sentence.

    Args:
        config: With the new number.
        rate_before: Of the last step of the last finished epoch, if there is one.
        rate_after: Of the next one.
    """
    training = config.training
    choices = (training.learning_rate_schedule, training.averaging)
    replanned = [
        choice.type
        for choice in choices
        if choice is not None and choice.spans_training
    ]
    if not replanned:
        return f"the learning rate goes on at {rate_after:.3g}."
    before = "" if rate_before is None else f", after {rate_before:.3g} by the old plan"
    return (
        f"{' and '.join(replanned)} {'are' if replanned[1:] else 'is'} planned anew "
        f"over {training.epochs} epochs: the next step has a learning rate of "
        f"{rate_after:.3g}{before}. It will not come to what {training.epochs} epochs "
        "from the beginning come to."
    )


def schedule_callbacks(schedule: Schedule) -> list[keras.callbacks.Callback]:
    """Keras's callback that moves the rate, where the schedule is one."""
    if schedule.type != "ReduceLROnPlateau":
        return []
    mode = monitor_mode(schedule.arguments()["monitor"])
    return [convert_choice(keras.callbacks, schedule, mode=mode)]


def monitor_mode(monitor: str) -> str:
    """Whether a figure should fall or rise, as the ``mode`` of Keras's callbacks."""
    return "max" if monitor.endswith("accuracy") else "min"


def _warmed_up(after: Fraction, warmup: int) -> Fraction:
    def fraction(step: Any) -> Any:
        rising = (step + 1) / (warmup + 1)
        return ops.where(step < warmup, rising, after(step))

    return fraction


def _constant(schedule: Any, steps: Steps) -> Fraction:
    return lambda step: step * 0 + 1


def _cosine_decay(schedule: Any, steps: Steps) -> Fraction:
    final = schedule.final_fraction

    def fraction(step: Any) -> Any:
        half_wave = 0.5 * (1 + ops.cos(math.pi * steps.progress(step)))
        return final + (1 - final) * half_wave

    return fraction


def _linear_decay(schedule: Any, steps: Steps) -> Fraction:
    return lambda step: 1 + (schedule.final_fraction - 1) * steps.progress(step)


def _step_decay(schedule: Any, steps: Steps) -> Fraction:
    borders = [round(epoch * steps.per_epoch) for epoch in schedule.at_epochs]

    def fraction(step: Any) -> Any:
        passed = sum(ops.cast(step >= border, "float32") for border in borders)
        return ops.power(schedule.factor, passed)

    return fraction


def _exponential_decay(schedule: Any, steps: Steps) -> Fraction:
    exponent = math.log(schedule.factor_per_epoch)
    return lambda step: ops.exp(exponent * (step - steps.warmup) / steps.per_epoch)


def _piecewise_constant_decay(schedule: Any, steps: Steps) -> Fraction:
    first, *others = schedule.values
    jumps = [
        (round(epoch * steps.per_epoch), value / first)
        for epoch, value in zip(schedule.at_epochs, others, strict=True)
    ]

    def fraction(step: Any) -> Any:
        found = ops.ones_like(step)
        for border, share in jumps:
            found = ops.where(step >= border, share, found)
        return found

    return fraction


def _inverse_time_decay(schedule: Any, steps: Steps) -> Fraction:
    def fraction(step: Any) -> Any:
        passed = ops.maximum(step - steps.warmup, 0.0) / schedule.decay_steps
        if schedule.staircase:
            passed = ops.floor(passed)
        return 1 / (1 + schedule.decay_rate * passed)

    return fraction


def _cosine_decay_restarts(schedule: Any, steps: Steps) -> Fraction:
    # Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    # 2016. In a table, because a logarithm is not sure of the step of a restart.
    starts, lengths = [0.0], [max(schedule.first_decay_epochs * steps.per_epoch, 1.0)]
    while starts[-1] + lengths[-1] < steps.total:
        starts.append(starts[-1] + lengths[-1])
        lengths.append(lengths[-1] * schedule.t_mul)
    final = schedule.final_fraction

    def fraction(step: Any) -> Any:
        passed = ops.maximum(step - steps.warmup, 0.0)
        table = ops.convert_to_tensor(starts, dtype="float32")
        wave = ops.sum(ops.cast(passed >= table, "int32")) - 1
        length = ops.take(ops.convert_to_tensor(lengths, dtype="float32"), wave)
        part = (passed - ops.take(table, wave)) / length
        top = ops.power(schedule.m_mul, ops.cast(wave, "float32"))
        return final + (1 - final) * top * 0.5 * (1 + ops.cos(math.pi * part))

    return fraction


def _triangle(schedule: Any, steps: Steps) -> Fraction:
    last = max(steps.total - 1, 1)
    peak_step = schedule.peak_at_fraction * last
    # A side without steps is never taken, but both are computed.
    before, behind = max(peak_step, 1e-3), max(last - peak_step, 1e-3)

    def fraction(step: Any) -> Any:
        start, final = schedule.start_fraction, schedule.final_fraction
        rising = start + (1 - start) * step / before
        falling = 1 + (final - 1) * (step - peak_step) / behind
        return ops.where(step < peak_step, rising, falling)

    return fraction


# The rate stays, or is moved by a callback.
_UNPLANNED = frozenset({"Constant", "ReduceLROnPlateau"})
_FRACTIONS: Mapping[str, Callable[[Any, Steps], Fraction]] = {
    "Constant": _constant,
    "CosineDecay": _cosine_decay,
    "LinearDecay": _linear_decay,
    "StepDecay": _step_decay,
    "PiecewiseConstantDecay": _piecewise_constant_decay,
    "ExponentialDecay": _exponential_decay,
    "InverseTimeDecay": _inverse_time_decay,
    "CosineDecayRestarts": _cosine_decay_restarts,
    "Triangle": _triangle,
}
