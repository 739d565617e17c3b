"""Keras's optimizers, averages of the weights over the steps, and which weights a
pattern such as ``*/beta`` means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from cifarcnn.config.named_choice import Choice, NamedChoice, problem

Rate: TypeAlias = Annotated[float, Field(gt=0, le=1000)]
Decay: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Small: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Clip: TypeAlias = Annotated[float, Field(gt=0)]


class Optimizer(Choice):
    """What every optimizer takes."""

    shorthand = "learning_rate"

    learning_rate: Rate = 0.001
    """Size of the steps; the schedule multiplies it."""
    weight_decay: Decay | None = None
    """Share of each weight that is taken away, times the learning rate, each step."""
    exclude_from_weight_decay: list[str] = []
    """Weights that it spares, such as [bias, beta, gamma] or conv2d_1/kernel."""
    clipnorm: Clip | None = None
    """Largest norm of the gradient of each variable."""
    clipvalue: Clip | None = None
    """Largest absolute value in a gradient."""
    global_clipnorm: Clip | None = None
    """Largest norm of all gradients together."""

    @model_validator(mode="after")
    def _refuse_two_clips(self) -> Optimizer:
        names = [
            name
            for name in ("clipnorm", "clipvalue", "global_clipnorm")
            if getattr(self, name) is not None
        ]
        if len(names) > 1:
            raise problem(
                f"{' and '.join(names)} cannot be used together",
                "keep one of them",
                names[1],
            )
        return self


class SGD(Optimizer):
    """Gradient descent, plain, with momentum, or Nesterov's."""

    learning_rate: Rate = 0.01
    """Size of the steps; the schedule multiplies it."""
    momentum: Decay = 0.0
    """Share of the last step that goes into the next."""
    nesterov: bool = False
    """Whether the gradient is taken ahead of the step."""


class _Moments(Optimizer):
    beta_1: Decay = 0.9
    """Decay of the mean of the gradients."""
    beta_2: Decay = 0.999
    """Decay of the mean of their squares."""
    epsilon: Small = 1e-7
    """Number against division by zero."""


class Adam(_Moments):
    """Steps scaled by the size of recent gradients."""

    amsgrad: bool = False
    """Whether the scale never grows again."""


def _refuse_none(value: float | None) -> float | None:
    if value is None:
        raise problem("AdamW needs a number for weight_decay", "use Adam for none")
    return value


class AdamW(Adam):
    """Adam with weight decay."""

    weight_decay: Annotated[Decay | None, AfterValidator(_refuse_none)] = 0.004
    """Share of each weight that is taken away, times the learning rate, each step."""


class RMSprop(Optimizer):
    """Steps scaled by the root mean square of recent gradients."""

    rho: Decay = 0.9
    """Decay of the mean of the squares."""
    momentum: Decay = 0.0
    """Share of the last step that goes into the next."""
    epsilon: Small = 1e-7
    """Number against division by zero."""
    centered: bool = False
    """Whether the mean of the gradients is subtracted first."""


class Nadam(_Moments):
    """Adam with Nesterov's momentum."""


class Adamax(_Moments):
    """Adam by the largest of recent gradients in place of their mean square."""

    beta_2: Decay = 0.999
    """Decay of that largest gradient."""


class Adadelta(Optimizer):
    """Steps as large as recent steps, for recent gradients; 1.0 is the paper's rate."""

    rho: Decay = 0.95
    """Decay of the means of the squares of both."""
    epsilon: Small = 1e-7
    """Number against division by zero."""


class Adagrad(Optimizer):
    """Steps scaled by all gradients so far: ever smaller ones."""

    initial_accumulator_value: Annotated[float, Field(ge=0)] = 0.1
    """What the sum of the squares of the gradients begins with."""
    epsilon: Small = 1e-7
    """Number against division by zero."""


class Lion(Optimizer):
    """Steps of equal size in the direction of the sign."""

    beta_1: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Share of the old direction in this step."""
    beta_2: Decay = 0.99
    """Decay of the direction."""


class Adafactor(Optimizer):
    """Adam's scaling with less memory."""

    beta_2_decay: Annotated[float, Field(lt=0, ge=-10)] = -0.8
    """Exponent of the decay over the steps."""
    epsilon_1: Small = 1e-30
    """Number against division by zero."""
    epsilon_2: Small = 0.001
    """Smallest scale of a weight."""
    clip_threshold: Clip = 1.0
    """Largest root mean square of a step."""
    relative_step: bool = True
    """Whether the steps shrink with their number."""


class Muon(Optimizer):
    """Orthogonal steps for dense kernels and for filters; AdamW for other weights."""

    weight_decay: Decay | None = 0.004
    """Share of each kernel that is taken away, times the learning rate, each step."""
    adam_weight_decay: Decay | None = 0.004
    """The same for the other weights."""
    adam_beta_1: Decay = 0.9
    """For the other weights: decay of the mean of the gradients."""
    adam_beta_2: Decay = 0.999
    """For the other weights: decay of the mean of their squares."""
    adam_lr_ratio: Clip = 1.0
    """Learning rate of the other weights, as a multiple of that of the kernels."""
    epsilon: Small = 1e-7
    """Number against division by zero."""
    momentum: Decay = 0.95
    """Share of the old direction that goes into the next."""
    nesterov: bool = True
    """Whether the gradient is taken ahead of the step."""
    ns_steps: Annotated[int, Field(ge=1, le=100)] = 5
    """Newton-Schulz iterations towards the orthogonal matrix."""
    rms_rate: Clip | None = 0.2
    """Size of a step's values, so that Adam's rates fit; null: singular values of 1."""
    exclude_layers: list[str] = []
    """Layers whose kernels go by AdamW: those with one of these in their name."""


OPTIMIZERS = NamedChoice(
    "optimizer",
    SGD,
    Adam,
    AdamW,
    RMSprop,
    Nadam,
    Adamax,
    Adadelta,
    Adagrad,
    Lion,
    Adafactor,
    Muon,
    short=str.lower,
)
AnyOptimizer: TypeAlias = Annotated[Optimizer, OPTIMIZERS]


class ExponentialMovingAverage(Choice):
    """The mean of the weights of recent steps, each counting less than the next.

    Training itself goes on without it.
    """

    shorthand = "momentum"
    spans_training: ClassVar[bool] = False

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the old average that is kept in each step."""


class Lookahead(Choice):
    """Slow weights that follow the trained ones, which are then set back to them.

    The share of the old slow weights that is kept grows with the cube of the part of
    the training that is done, up to `momentum` for each step.
    """

    # The number of epochs decides what a step does, as with some schedules.
    spans_training: ClassVar[bool] = True

    every_steps: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Steps from one meeting of both to the next."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """Share of the slow weights that is kept for each step, at the very end."""


AVERAGINGS = NamedChoice("averaging", ExponentialMovingAverage, Lookahead)
Averaging: TypeAlias = Annotated[ExponentialMovingAverage | Lookahead, AVERAGINGS]


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern means a weight.

    Args:
        pattern: ``*`` stands for any characters. Without a ``/`` it means weights of
            that name in every layer.
        path: ``layer/weight``, such as ``conv2d_1/kernel``.
    """
    name = path if "/" in pattern else path.rpartition("/")[2]
    return fnmatchcase(name, pattern)


def matches_any(patterns: Iterable[str], path: str) -> bool:
    """Whether one of the patterns means the weight."""
    return any(matches(pattern, path) for pattern in patterns)


def multiplier_of(multipliers: Mapping[str, float], path: str) -> float:
    """The factor of a weight: of the last pattern that means it, else 1."""
    factors = [factor for name, factor in multipliers.items() if matches(name, path)]
    return factors[-1] if factors else 1.0
