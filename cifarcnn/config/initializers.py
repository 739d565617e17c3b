"""Keras's initializers and regularizers: what a weight starts from, what holds it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from cifarcnn.config.named_choice import Choice, NamedChoice, problem, snake_case


class Zeros(Choice):
    """All zeros."""


class Ones(Choice):
    """All ones."""


class Constant(Choice):
    """One value everywhere."""

    shorthand = "value"

    value: float = 0.0
    """The value."""


class RandomNormal(Choice):
    """Normally distributed numbers."""

    mean: float = 0.0
    """Mean of the distribution."""
    stddev: float = Field(0.05, ge=0)
    """Standard deviation of the distribution."""


class RandomUniform(Choice):
    """Uniformly distributed numbers."""

    minval: float = -0.05
    """Lower end of the range."""
    maxval: float = 0.05
    """Upper end of the range."""

    @model_validator(mode="after")
    def _refuse_disorder(self) -> RandomUniform:
        if self.minval > self.maxval:
            raise problem(
                f"minval {self.minval} is above maxval {self.maxval}",
                "exchange them",
                "minval",
            )
        return self


class TruncatedNormal(Choice):
    """Normally distributed numbers within two standard deviations."""

    mean: float = 0.0
    """Mean of the distribution."""
    stddev: float = Field(0.05, ge=0)
    """Standard deviation before the ends are cut off."""


class GlorotNormal(Choice):
    """Truncated normal, scaled by the mean of inputs and outputs."""


class GlorotUniform(Choice):
    """Uniform, scaled by the mean of inputs and outputs; Keras's default."""


class HeNormal(Choice):
    """Truncated normal, scaled by the inputs; made for ReLU."""


class HeUniform(Choice):
    """Uniform, scaled by the inputs; made for ReLU."""


class LecunNormal(Choice):
    """Truncated normal, scaled by the inputs; made for SELU."""


class LecunUniform(Choice):
    """Uniform, scaled by the inputs; made for SELU."""


class VarianceScaling(Choice):
    """The family that Glorot, He and LeCun belong to."""

    scale: float = Field(1.0, gt=0)
    """Factor on the variance."""
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    """What the variance is divided by."""
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = (
        "truncated_normal"
    )
    """Shape of the distribution."""


class Orthogonal(Choice):
    """Orthogonal rows or columns."""

    gain: float = Field(1.0, gt=0)
    """Factor on the matrix."""


INITIALIZERS = NamedChoice(
    "initializer",
    Zeros,
    Ones,
    Constant,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    Orthogonal,
    short=snake_case,
)
Initializer: TypeAlias = Annotated[Choice, INITIALIZERS]


class Identity(Choice):
    """The first filters pass each channel on; the others start like PyTorch's.

    Those are uniform within one over the root of their inputs.
    """


class Whitening(Choice):
    """Filters that make the values of a small window independent of each other.

    The eigenvectors of the windows' uncentred covariance, each divided by the root of
    its eigenvalue, then their negatives; filters beyond them start at random.
    """

    epsilon: float = Field(0.0005, gt=0)
    """Number added to the eigenvalues, against division by zero."""
    pictures: int = Field(5_000, ge=1, le=1_000_000)
    """How many training pictures, normalized, the windows are taken from."""
    trainable: bool = True
    """Whether the filters go on learning; biases always do."""


# For the filters of a Conv2D, which have a place for every channel.
CONV_INITIALIZERS = NamedChoice(
    "initializer", *INITIALIZERS, Identity, Whitening, short=snake_case
)
ConvInitializer: TypeAlias = Annotated[Choice, CONV_INITIALIZERS]


def _refuse_orthogonal(initializer: Choice) -> Choice:
    if isinstance(initializer, Orthogonal):
        raise problem(
            "Orthogonal needs a table of weights, and here is only a row of them",
            "use Zeros, Ones, Constant or a random one",
        )
    return initializer


# For biases and for the scales and shifts of a normalization.
RowInitializer: TypeAlias = Annotated[Initializer, AfterValidator(_refuse_orthogonal)]


class L1(Choice):
    """Adds ``l1`` times the sum of the absolute weights to the loss."""

    shorthand = "l1"

    l1: float = Field(0.01, ge=0)
    """Factor."""


class L2(Choice):
    """Adds ``l2`` times the sum of the squared weights to the loss."""

    shorthand = "l2"

    l2: float = Field(0.01, ge=0)
    """Factor."""


class L1L2(Choice):
    """Both penalties."""

    l1: float = Field(0.0, ge=0)
    """Factor of the absolute weights."""
    l2: float = Field(0.0, ge=0)
    """Factor of the squared weights."""


REGULARIZERS = NamedChoice("regularizer", L1, L2, L1L2, short=str.lower)
Regularizer: TypeAlias = Annotated[Choice, REGULARIZERS]
