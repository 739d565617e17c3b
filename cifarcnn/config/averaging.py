"""Averages of the weights over the steps of a training."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from cifarcnn.config.named_choice import Choice, NamedChoice


class ExponentialMovingAverage(Choice):
    """The mean of the weights of recent steps, each counting less than the next.

    Training itself goes on without it.
    """

    shorthand = "momentum"

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the old average that is kept in each step."""


class Lookahead(Choice):
    """Slow weights that follow the trained ones, which are then set back to them.

    The share of the old slow weights that is kept grows with the cube of the part of
    the training that is done, up to `momentum` for each step.
    """

    every_steps: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Steps from one meeting of both to the next."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """Share of the slow weights that is kept for each step, at the very end."""


AVERAGINGS = NamedChoice("averaging", ExponentialMovingAverage, Lookahead)
Averaging: TypeAlias = Annotated[ExponentialMovingAverage | Lookahead, AVERAGINGS]
