"""Keras's optimizers with what the config can say about single weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from cifarcnn.config.optimizers import Optimizer, matches_any, multiplier_of
from cifarcnn.network.builder import convert_arguments


class Muon(keras.optimizers.Muon):  # type: ignore[misc]
    """Muon that takes filters for matrices, which Keras's own leaves to AdamW.

    A kernel ``(height, width, channels, filters)`` is seen as one row for each value
    that a filter looks at and one column for each filter, as K. Jordan does
    ("Muon: an optimizer for hidden layers in neural networks", 2024). Weights with
    fewer than two axes, and the single filters of a depthwise convolution, go by AdamW.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        # As plain words: Keras takes them for patterns.
        excluded = any(word in variable.path for word in self.exclude_layers)
        single = len(variable.shape) == 4 and variable.shape[-1] == 1
        return excluded or single or len(variable.shape) not in (2, 4)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        found = super().zeropower_via_newtonschulz5(matrix, steps)
        # Scaled here, by the sides of the matrix: those of the filters say nothing.
        return ops.reshape(super().lr_adjust(found), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        return x


# Those that differ from Keras's of the same name.
_OWN: Mapping[str, Any] = {"Muon": Muon}


def build_optimizer(
    choice: Optimizer,
    learning_rate: Any,
    variables: Sequence[Any],
    multipliers: Mapping[str, float],
) -> keras.optimizers.Optimizer:
    """The optimizer of a config.

    Args:
        choice: Keras's name and arguments, and what weight decay spares.
        learning_rate: A number or a Keras schedule.
        variables: The weights that it will change.
        multipliers: Factors on the rate by pattern. Weight decay goes by the rate
            without them.
    """
    kind = _OWN.get(choice.type) or getattr(keras.optimizers, choice.type)
    if multipliers:
        kind = _with_multipliers(kind, multipliers)
    arguments = convert_arguments(choice.arguments())
    spared = arguments.pop("exclude_from_weight_decay")
    optimizer = kind(**{**arguments, "learning_rate": learning_rate})
    if spared:
        optimizer.exclude_from_weight_decay(
            var_list=[item for item in variables if matches_any(spared, item.path)]
        )
    return optimizer


def _with_multipliers(kind: Any, multipliers: Mapping[str, float]) -> Any:
    # In a function, because its base is whichever optimizer the config names.
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
