"""The layers that bring values to a common scale."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cifarcnn.config.constraints import RowConstraint
from cifarcnn.config.initializers import Ones, Regularizer, RowInitializer, Zeros
from cifarcnn.config.layers.base import NotNegative, Pointwise, Shape, ShapeError


class _Normalization(Pointwise):
    """A learned scale (gamma) and shift (beta) for every channel."""

    epsilon: Annotated[NotNegative, Field(le=1)] = 0.001
    """Number added to the variance, against division by zero."""
    center: bool = True
    """Whether a shift, beta, is learned."""
    scale: bool = True
    """Whether a scale, gamma, is learned."""
    beta_initializer: RowInitializer = Zeros()
    """What the shifts start from."""
    gamma_initializer: RowInitializer = Ones()
    """What the scales start from."""
    beta_regularizer: Regularizer | None = None
    """Penalty on the shifts."""
    gamma_regularizer: Regularizer | None = None
    """Penalty on the scales."""
    beta_constraint: RowConstraint | None = None
    """What the shifts are held to."""
    gamma_constraint: RowConstraint | None = None
    """What the scales are held to."""

    def weight_names(self) -> tuple[str, ...]:
        return (*("gamma",) * self.scale, *("beta",) * self.center)

    def parameters(self, shape: Shape) -> int:
        return shape[-1] * (self.center + self.scale)


class BatchNormalization(_Normalization):
    """Each channel by its mean and variance over the batch."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the old value when the moving statistics are renewed."""
    moving_mean_initializer: RowInitializer = Zeros()
    """What the moving means start from."""
    moving_variance_initializer: RowInitializer = Ones()
    """What the moving variances start from."""

    keeps_input = True

    def parameters(self, shape: Shape) -> int:
        return super().parameters(shape) + 2 * shape[-1]


class LayerNormalization(_Normalization):
    """Each place by the mean and variance of its channels."""


class GroupNormalization(_Normalization):
    """Groups of channels by their mean and variance in each picture."""

    shorthand = "groups"

    groups: Annotated[int, Field(ge=-1, le=1_000_000)] = 32
    """Number of groups; -1: as many as channels."""

    def output_shape(self, shape: Shape) -> Shape:
        channels = shape[-1]
        if self.groups == 0:
            raise ShapeError("groups must be -1 or at least 1, found 0", "", shape)
        if self.groups > 0 and channels % self.groups:
            raise ShapeError(
                f"{channels} channels cannot be divided into {self.groups} groups",
                f"such as groups: {_largest_divisor(channels, self.groups)}",
                shape,
            )
        return shape

    def window(self, shape: Shape) -> None:
        """None: the mean and variance are of the whole image."""


NORMALIZATIONS = (BatchNormalization, LayerNormalization, GroupNormalization)


def _largest_divisor(number: int, limit: int) -> int:
    return max(n for n in range(1, min(number, limit) + 1) if number % n == 0)
