"""Averages of the weights over the steps, worked out within the compiled step.

What is validated and saved are the averages, those of the normalizations' statistics
included. Keras's own ``use_ema`` has no lookahead, and leaves out the statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from cifarcnn.config.named_choice import Choice
from cifarcnn.network.weights import read_arrays

# Old average, weight and number of finished steps to the new average and weight.
Rule: TypeAlias = Callable[[Any, Any, Any], tuple[Any, Any]]


def averaging_rule(averaging: Choice, total_steps: int) -> Rule:
    """What happens to one weight and its average after each of ``total_steps`` steps.

    Raises:
        KeyError: The kind of averaging is not known.
    """
    return _RULES[averaging.type](averaging, total_steps)


def _moving_average(averaging: Any, total_steps: int) -> Rule:
    def update(average: Any, weight: Any, steps: Any) -> tuple[Any, Any]:
        # The first step's weights are the first average, as in Keras's `use_ema`.
        kept = ops.where(steps > 1, averaging.momentum, 0.0)
        return kept * average + (1 - kept) * weight, weight

    return update


def _lookahead(averaging: Any, total_steps: int) -> Rule:
    # Zhang et al., "Lookahead Optimizer", 2019, with the share of airbench:
    # K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.4.
    strongest = averaging.momentum**averaging.every_steps

    def update(average: Any, weight: Any, steps: Any) -> tuple[Any, Any]:
        due = ops.equal(steps % averaging.every_steps, 0)
        # Else the steps after the last meeting would be for nothing.
        due = ops.logical_or(due, ops.equal(steps, total_steps))
        kept = strongest * (ops.cast(steps, "float32") / total_steps) ** 3
        met = kept * average + (1 - kept) * weight
        return ops.where(due, met, average), ops.where(due, met, weight)

    return update


_RULES: Mapping[str, Callable[[Any, int], Rule]] = {
    "ExponentialMovingAverage": _moving_average,
    "Lookahead": _lookahead,
}


class WeightAverages:
    """The weights of a network and the average of each.

    Attributes:
        weights: What the steps change.
        averages: One for each, which starts at its value.
        swapped: Whether each holds the values of the other just now.
    """

    def __init__(self, weights: Sequence[Any], rule: Rule) -> None:
        self.weights = list(weights)
        self.averages = [
            keras.Variable(
                ops.copy(weight),
                trainable=False,
                name=f"average_{number}",
                autocast=False,
            )
            for number, weight in enumerate(self.weights)
        ]
        self.rule = rule
        self.swapped = False

    def update(self, steps: Any) -> None:
        """Bring the averages up to date, after step number ``steps`` (from 1 on)."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            old = ops.convert_to_tensor(average)
            reached = ops.convert_to_tensor(weight)
            new_average, new_weight = self.rule(old, reached, steps)
            average.assign(new_average)
            if new_weight is not reached:
                weight.assign(new_weight)

    def swap(self) -> None:
        """Exchange the values of the weights and of their averages."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            # On the device, where a network of a large GPU is swapped in no time.
            value, other = ops.copy(weight), ops.copy(average)
            weight.assign(other)
            average.assign(value)
        self.swapped = not self.swapped

    def by_weight(self) -> dict[int, Any]:
        """The average of each weight, by the ``id`` of the weight."""
        pairs = zip(self.weights, self.averages, strict=True)
        return {id(weight): average for weight, average in pairs}

    def read(self) -> dict[str, np.ndarray]:
        """Copies of the averages by the names of the weights."""
        holders = self.weights if self.swapped else self.averages
        paths = [weight.path for weight in self.weights]
        return dict(zip(paths, read_arrays(holders), strict=True))
