"""Keras's optimizers with what the config can say about single weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cifarcnn.config.optimizers import (
    Muon,
    Optimizer,
    matches_any,
    multiplier_of,
)
from cifarcnn.network.keras_objects import convert_arguments
from cifarcnn.training.muon import muon_for_filters


def make_optimizer(
    choice: Optimizer,
    rate: Any,
    variables: Sequence[Any],
    multipliers: Mapping[str, float],
) -> Any:
    """The optimizer of a config.

    Args:
        choice: Keras's name and arguments, and what weight decay spares.
        rate: The learning rate: a number or a Keras schedule.
        variables: The weights that it will change.
        multipliers: Factors on the rate by pattern. Weight decay goes by the rate
            without them.
    """
    import keras

    if isinstance(choice, Muon):
        kind = muon_for_filters()
    else:
        kind = getattr(keras.optimizers, choice.type)
    if multipliers:
        kind = _with_multipliers(kind, multipliers)
    arguments = convert_arguments(choice.arguments())
    spared = arguments.pop("exclude_from_weight_decay")
    optimizer = kind(**{**arguments, "learning_rate": rate})
    if spared:
        optimizer.exclude_from_weight_decay(
            var_list=[item for item in variables if matches_any(spared, item.path)]
        )
    return optimizer


def _with_multipliers(kind: Any, multipliers: Mapping[str, float]) -> Any:
    class WithMultipliers(kind):  # type: ignore[misc]
        """Takes longer or shorter steps along some weights."""

        def build(self, variables: Sequence[Any]) -> None:
            self._factors = tuple(
                multiplier_of(multipliers, variable.path) for variable in variables
            )
            super().build(variables)

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            # TensorFlow hands over its own variable, which has no path.
            factor = self._factors[self._get_variable_index(variable)]
            super().update_step(gradient, variable, learning_rate * factor)

    return WithMultipliers
