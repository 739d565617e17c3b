"""Averages of the weights, and how many views of an image an answer rests on."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from cifarcnn.config.named_choice import Choice, NamedChoice, Strict
from cifarcnn.literals import Views as Views

# A larger one could only be a mistake.
Multipliers: TypeAlias = dict[str, Annotated[float, Field(ge=0, le=10_000)]]


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


Averaging: TypeAlias = Annotated[
    ExponentialMovingAverage | Lookahead,
    NamedChoice("averaging", ExponentialMovingAverage, Lookahead),
]


class Evaluation(Strict):
    """How a trained network is asked, by `evaluate` and `predict` alike."""

    test_time_augmentation: Views = "none"
    """Views of a picture that are averaged: also mirrored, also shifted by a pixel."""
