"""Dense layers, activations and what works on every value by itself."""

from __future__ import annotations

from math import prod
from typing import Annotated

from pydantic import Field

from cifarcnn.config.initializers import (
    GlorotUniform,
    Initializer,
    Regularizer,
    RowInitializer,
    Zeros,
)
from cifarcnn.config.layers.base import Activation as ActivationName
from cifarcnn.config.layers.base import Count, Fraction, NotNegative, Pointwise, Shape


class Dense(Pointwise):
    """Every unit looks at all numbers of the last axis."""

    units: Count
    """Number of units."""
    activation: ActivationName = "linear"
    """Function applied to every value of the result."""
    use_bias: bool = True
    """Whether a number is added to every unit."""
    kernel_initializer: Initializer = GlorotUniform()
    """What the weights start from."""
    bias_initializer: RowInitializer = Zeros()
    """What the biases start from."""
    kernel_regularizer: Regularizer | None = None
    """Penalty on the weights."""
    bias_regularizer: Regularizer | None = None
    """Penalty on the biases."""
    activity_regularizer: Regularizer | None = None
    """Penalty on the output."""

    shorthand = "units"
    keeps_input = True

    def weight_names(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.use_bias else ("kernel",)

    def output_shape(self, shape: Shape) -> Shape:
        return (*shape[:-1], self.units)

    def parameters(self, shape: Shape) -> int:
        return shape[-1] * self.units + self.units * self.use_bias

    def macs(self, shape: Shape) -> int:
        return prod(shape) * self.units


class Activation(Pointwise):
    """A function applied to every value."""

    shorthand = "activation"
    keeps_output = "always"

    activation: ActivationName
    """The function."""


class Dropout(Pointwise):
    """Sets a share of the values to zero, in training only."""

    shorthand = "rate"

    rate: Fraction
    """Share of the values, 0 to 1."""


class SpatialDropout2D(Pointwise):
    """Sets a share of the maps to zero, in training only."""

    shorthand = "rate"

    rate: Fraction
    """Share of the maps, 0 to 1."""

    def output_shape(self, shape: Shape) -> Shape:
        return self.as_image(shape)


class GaussianNoise(Pointwise):
    """Adds normally distributed noise, in training only."""

    shorthand = "stddev"

    stddev: Annotated[NotNegative, Field(le=1)]
    """Standard deviation of the noise, in units of the values; Keras allows 0 to 1."""


class Rescaling(Pointwise):
    """Multiplies every value and adds a number."""

    shorthand = "scale"

    scale: float
    """Factor."""
    offset: float = 0.0
    """Number that is added after it."""


POINTWISE_LAYERS = (
    Dense,
    Dropout,
    SpatialDropout2D,
    Activation,
    GaussianNoise,
    Rescaling,
)
