"""Keras's constraints: what a weight is brought back to after every step."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from cifarcnn.config.named_choice import (
    Choice,
    NamedChoice,
    describe,
    problem,
    snake_case,
)


def _to_axes(value: Any) -> Any:
    axes = value if isinstance(value, list | tuple) else [value]
    if axes and all(type(axis) is int for axis in axes):
        return tuple(axes)
    raise problem(f"expected a whole number or a list of them, found {describe(value)}")


# One axis or several, by their numbers as Keras counts them.
Axes: TypeAlias = Annotated[
    tuple[int, ...], BeforeValidator(_to_axes, json_schema_input_type=int | list[int])
]


class NonNeg(Choice):
    """No weight below zero."""


class MaxNorm(Choice):
    """Weights shrunk where their norm is too large."""

    shorthand = "max_value"

    max_value: float = Field(2.0, gt=0)
    """The largest norm."""
    axis: Axes = (0,)
    """Axes along which the norm is taken; [0, 1, 2] for each filter of a Conv2D."""


class UnitNorm(Choice):
    """Weights scaled to a norm of 1."""

    axis: Axes = (0,)
    """Axes along which the norm is taken; [0, 1, 2] for each filter of a Conv2D."""


class MinMaxNorm(Choice):
    """Weights scaled where their norm is too small or too large."""

    min_value: float = Field(0.0, ge=0)
    """The smallest norm."""
    max_value: float = Field(1.0, gt=0)
    """The largest norm."""
    rate: float = Field(1.0, gt=0, le=1)
    """How far towards these the weights go in each step, 0 to 1."""
    axis: Axes = (0,)
    """Axes along which the norm is taken; [0, 1, 2] for each filter of a Conv2D."""


CONSTRAINTS = NamedChoice(
    "constraint", MaxNorm, NonNeg, UnitNorm, MinMaxNorm, short=snake_case
)


def _within(axes: int) -> AfterValidator:
    """Refuses an axis that weights of so many axes do not have."""

    def check(constraint: Choice) -> Choice:
        for axis in getattr(constraint, "axis", ()):
            if not 0 <= axis < axes:
                wanted = f"axes from 0 to {axes - 1}" if axes > 1 else "axis 0"
                message = f"expected {wanted} of these weights, found {axis}"
                raise problem(message, "", constraint.type, "axis")
        return constraint

    return AfterValidator(check)


# For the filters of a convolution: height, width, channels, filters.
FilterConstraint: TypeAlias = Annotated[Choice, CONSTRAINTS, _within(4)]
# For the weights of a dense layer: inputs, units.
MatrixConstraint: TypeAlias = Annotated[Choice, CONSTRAINTS, _within(2)]
# For a row of weights, such as biases.
RowConstraint: TypeAlias = Annotated[Choice, CONSTRAINTS, _within(1)]
