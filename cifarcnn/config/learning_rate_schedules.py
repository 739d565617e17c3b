"""Learning-rate schedules: how the rate moves during training."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from cifarcnn.config.named_choice import Choice, NamedChoice, problem, snake_case

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Epochs: TypeAlias = Annotated[float, Field(ge=0, le=100_000)]
Monitor: TypeAlias = Literal["val_loss", "val_accuracy"]
Factor: TypeAlias = Annotated[float, Field(gt=0, lt=1)]


def _check_rise(epochs: list[float]) -> list[float]:
    if sorted(set(epochs)) != epochs:
        found = ", ".join(f"{epoch:g}" for epoch in epochs)
        raise problem(
            f"at_epochs must rise, found {found}",
            "write the smallest first, each once",
        )
    return epochs


RisingEpochs: TypeAlias = Annotated[
    list[Annotated[float, Field(gt=0, le=100_000)]],
    Field(min_length=1),
    AfterValidator(_check_rise),
]


class Schedule(Choice):
    """How the rate moves."""

    # Whether the number of epochs of the whole training decides the rate of a step.
    spans_training: ClassVar[bool] = False

    def full_rate(self, learning_rate: float) -> float:
        """The rate that is multiplied, where the optimizer has that one."""
        return learning_rate


class _WarmedUp(Schedule):
    warmup_epochs: Epochs = 0.0
    """Epochs over which the rate rises from nothing to its full size."""


class Constant(_WarmedUp):
    """The same rate all the time."""


class CosineDecay(_WarmedUp):
    """Down along half a cosine wave."""

    spans_training = True

    final_fraction: Share = 0.0
    """Share of the rate that is left in the last step."""


class LinearDecay(_WarmedUp):
    """Down along a straight line."""

    spans_training = True

    final_fraction: Share = 0.0
    """Share of the rate that is left in the last step."""


class Triangle(Schedule):
    """One cycle: up along a straight line, then down along another."""

    spans_training = True

    start_fraction: Share = 0.2
    """Share of the rate in the first step."""
    peak_at_fraction: Share = 0.23
    """Share of all steps after which the rate is full."""
    final_fraction: Share = 0.07
    """Share of the rate in the last step."""


class StepDecay(_WarmedUp):
    """Multiplied by a factor at the end of certain epochs."""

    at_epochs: RisingEpochs
    """Numbers of finished epochs after which the rate falls, rising."""
    factor: Factor = 0.1
    """What the rate is multiplied by each time."""


class PiecewiseConstantDecay(_WarmedUp):
    """A rate of its own for each stretch of epochs."""

    at_epochs: RisingEpochs
    """Numbers of finished epochs after which the next rate comes, rising."""
    values: list[Annotated[float, Field(gt=0, le=1000)]]
    """The rates, in place of the optimizer's: one more than there are at_epochs."""

    @model_validator(mode="after")
    def _check_count(self) -> PiecewiseConstantDecay:
        stretches = len(self.at_epochs) + 1
        if len(self.values) != stretches:
            raise problem(
                f"at_epochs makes {stretches} stretches, but there are "
                f"{len(self.values)} values",
                f"give {stretches}: one for the beginning, and one after each of them",
                "values",
            )
        return self

    def full_rate(self, learning_rate: float) -> float:
        return self.values[0]


class ExponentialDecay(_WarmedUp):
    """Multiplied by the same factor over every epoch, step by step."""

    factor_per_epoch: Factor
    """What is left of the rate after an epoch."""


class InverseTimeDecay(_WarmedUp):
    """Divided by a number that grows with the steps; the old `decay` of Keras's SGD."""

    shorthand = "decay_rate"

    decay_rate: Annotated[float, Field(ge=0)]
    """What is added to the divisor, which begins at 1, in every `decay_steps`."""
    decay_steps: Annotated[int, Field(ge=1)] = 1
    """Steps, not epochs, over which that happens."""
    staircase: bool = False
    """Whether it happens at once, at their end."""


class CosineDecayRestarts(_WarmedUp):
    """Half a cosine wave down, and again from the top, mostly longer each time."""

    shorthand = "first_decay_epochs"

    first_decay_epochs: Annotated[float, Field(gt=0, le=100_000)]
    """Epochs that the first wave takes."""
    t_mul: Annotated[float, Field(ge=1, le=1000)] = 2.0
    """What each wave is longer than the one before, as a factor."""
    m_mul: Annotated[float, Field(gt=0, le=1)] = 1.0
    """What the top of each wave is of the one before, as a factor."""
    final_fraction: Share = 0.0
    """Share of the rate at the foot of every wave."""


class ReduceLROnPlateau(Schedule):
    """Multiplied by a factor when validation stops getting better."""

    monitor: Monitor = "val_loss"
    """What is watched."""
    factor: Factor = 0.1
    """What the rate is multiplied by."""
    patience: Annotated[int, Field(ge=0, le=100_000)] = 10
    """Epochs without an improvement that are waited for."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0001
    """Change that counts as an improvement."""
    cooldown: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Epochs to wait after a reduction before watching again."""
    min_lr: Annotated[float, Field(ge=0)] = 0.0
    """Rate below which it is not reduced."""


SCHEDULES = NamedChoice(
    "learning-rate schedule",
    Constant,
    CosineDecay,
    LinearDecay,
    Triangle,
    StepDecay,
    PiecewiseConstantDecay,
    ExponentialDecay,
    InverseTimeDecay,
    CosineDecayRestarts,
    ReduceLROnPlateau,
    short=snake_case,
)
AnySchedule: TypeAlias = Annotated[Schedule, SCHEDULES]
