"""Learning-rate schedules: how the rate moves during training."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from cifarcnn.config.named_choice import Choice, NamedChoice, problem, snake_case

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Epochs: TypeAlias = Annotated[float, Field(ge=0, le=100_000)]
Monitor: TypeAlias = Literal["val_loss", "val_accuracy"]


class _WarmedUp(Choice):
    warmup_epochs: Epochs = 0.0
    """Epochs over which the rate rises from nothing to its full size."""


class Constant(_WarmedUp):
    """The same rate all the time."""


class CosineDecay(_WarmedUp):
    """Down along half a cosine wave."""

    final_fraction: Share = 0.0
    """Share of the rate that is left in the last step."""


class LinearDecay(_WarmedUp):
    """Down along a straight line."""

    final_fraction: Share = 0.0
    """Share of the rate that is left in the last step."""


class Triangle(Choice):
    """One cycle: up along a straight line, then down along another."""

    start_fraction: Share = 0.2
    """Share of the rate in the first step."""
    peak_at_fraction: Share = 0.23
    """Share of all steps after which the rate is full."""
    final_fraction: Share = 0.07
    """Share of the rate in the last step."""


class StepDecay(_WarmedUp):
    """Multiplied by a factor at the end of certain epochs."""

    at_epochs: Annotated[
        list[Annotated[float, Field(gt=0, le=100_000)]], Field(min_length=1)
    ]
    """Numbers of finished epochs after which the rate falls, rising."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """What the rate is multiplied by each time."""

    @model_validator(mode="after")
    def _refuse_disorder(self) -> StepDecay:
        if sorted(set(self.at_epochs)) != self.at_epochs:
            found = ", ".join(f"{epoch:g}" for epoch in self.at_epochs)
            raise problem(
                f"at_epochs must rise, found {found}",
                "write the smallest first, each once",
                "at_epochs",
            )
        return self


class ExponentialDecay(_WarmedUp):
    """Multiplied by the same factor over every epoch, step by step."""

    factor_per_epoch: Annotated[float, Field(gt=0, lt=1)]
    """What is left of the rate after an epoch."""


class ReduceLROnPlateau(Choice):
    """Multiplied by a factor when validation stops getting better."""

    monitor: Monitor = "val_loss"
    """What is watched."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
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
    ExponentialDecay,
    ReduceLROnPlateau,
    short=snake_case,
)
AnySchedule: TypeAlias = Annotated[Choice, SCHEDULES]
