"""Dense layers, activations and what works on every value by itself."""

from __future__ import annotations

from math import prod
from typing import Annotated

from pydantic import Field

from cifarcnn.config.constraints import Axes, MatrixConstraint, RowConstraint
from cifarcnn.config.initializers import (
    GlorotUniform,
    Initializer,
    Regularizer,
    RowInitializer,
    Zeros,
)
from cifarcnn.config.layers.base import Activation as ActivationName
from cifarcnn.config.layers.base import (
    Count,
    Fraction,
    NotNegative,
    Pointwise,
    Shape,
    ShapeError,
    show,
)


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
    kernel_constraint: MatrixConstraint | None = None
    """What the weights are held to."""
    bias_constraint: RowConstraint | None = None
    """What the biases are held to."""

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


class PReLU(Pointwise):
    """Multiplies negative values by learned factors."""

    alpha_initializer: RowInitializer = Zeros()
    """What the factors start from."""
    alpha_regularizer: Regularizer | None = None
    """Penalty on the factors."""
    alpha_constraint: RowConstraint | None = None
    """What the factors are held to."""
    shared_axes: Axes | None = None
    """Axes along which there is one factor; [1, 2]: one for each channel of maps."""

    keeps_input = True

    def weight_names(self) -> tuple[str, ...]:
        return ("alpha",)

    def output_shape(self, shape: Shape) -> Shape:
        for axis in self.shared_axes or ():
            if not 1 <= axis <= len(shape):
                raise ShapeError(
                    f"shared_axes counts the axes of {show(shape)} from 1 to "
                    f"{len(shape)}, found {axis}",
                    "leave it out for a factor for each unit"
                    if len(shape) == 1
                    else "use shared_axes: [1, 2] for a factor for each channel",
                    shape,
                )
        return shape

    def parameters(self, shape: Shape) -> int:
        shared = self.shared_axes or ()
        return prod(
            side for axis, side in enumerate(shape, start=1) if axis not in shared
        )


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


class AlphaDropout(Dropout):
    """Dropout that keeps mean and variance of what went through SELU."""


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
    AlphaDropout,
    Activation,
    PReLU,
    GaussianNoise,
    Rescaling,
)
