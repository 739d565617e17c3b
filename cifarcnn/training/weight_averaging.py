"""Averages of the weights over the steps, worked out within the compiled step.

What is judged and saved are the averages, those of the normalizations' statistics
included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cifarcnn.config.averaging import ExponentialMovingAverage, Lookahead
from cifarcnn.network.weights import to_numpy

if TYPE_CHECKING:
    import keras
    import numpy as np

# Old average, weight and number of finished steps to the new average and weight.
Rule = Callable[[Any, Any, Any], tuple[Any, Any]]


def rule_of(averaging: ExponentialMovingAverage | Lookahead, total_steps: int) -> Rule:
    """What happens to one weight and its average after each step.

    Args:
        averaging: From the config.
        total_steps: Of the whole training.
    """
    if isinstance(averaging, Lookahead):
        return _lookahead(averaging, total_steps)
    return _moving(averaging)


def _moving(averaging: ExponentialMovingAverage) -> Rule:
    def renew(average: Any, weight: Any, steps: Any) -> tuple[Any, Any]:
        import keras

        # The first step's weights are the first average, as in Keras's `use_ema`.
        kept = keras.ops.where(steps > 1, averaging.momentum, 0.0)
        return kept * average + (1 - kept) * weight, weight

    return renew


def _lookahead(averaging: Lookahead, total_steps: int) -> Rule:
    # Zhang et al., "Lookahead Optimizer", 2019, with the share of airbench:
    # K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.4.
    strongest = averaging.momentum**averaging.every_steps

    def renew(average: Any, weight: Any, steps: Any) -> tuple[Any, Any]:
        import keras

        ops = keras.ops
        due = ops.equal(steps % averaging.every_steps, 0)
        # Else the steps after the last meeting would be for nothing.
        due = ops.logical_or(due, ops.equal(steps, total_steps))
        kept = strongest * (ops.cast(steps, "float32") / total_steps) ** 3
        met = kept * average + (1 - kept) * weight
        return ops.where(due, met, average), ops.where(due, met, weight)

    return renew


class Averages:
    """The weights of a network and the average of each.

    Attributes:
        weights: What the steps change.
        averages: One for each, which starts at its value.
        swapped: Whether each holds the values of the other just now.
    """

    def __init__(self, weights: Sequence[Any], rule: Rule) -> None:
        import keras

        self.weights = list(weights)
        self.averages = [
            keras.Variable(
                keras.ops.copy(weight),
                trainable=False,
                name=f"average_{number}",
                autocast=False,
            )
            for number, weight in enumerate(self.weights)
        ]
        self.rule = rule
        self.swapped = False

    def renew(self, steps: Any) -> None:
        """Bring the averages up to date, after step number ``steps`` (from 1 on)."""
        import keras

        for weight, average in zip(self.weights, self.averages, strict=True):
            old = keras.ops.convert_to_tensor(average)
            reached = keras.ops.convert_to_tensor(weight)
            new_average, new_weight = self.rule(old, reached, steps)
            average.assign(new_average)
            if new_weight is not reached:
                weight.assign(new_weight)

    def swap(self) -> None:
        """Exchange the values of the weights and of their averages."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            value, other = to_numpy(weight).copy(), to_numpy(average).copy()
            weight.assign(other)
            average.assign(value)
        self.swapped = not self.swapped

    def settle(self) -> None:
        """See that the weights hold what the steps made of them."""
        if self.swapped:
            self.swap()

    def read(self) -> dict[str, np.ndarray]:
        """Copies of the averages by the names of the weights."""
        import numpy as np

        holders = self.weights if self.swapped else self.averages
        return {
            weight.path: np.array(to_numpy(holder))
            for weight, holder in zip(self.weights, holders, strict=True)
        }


def with_averages(pupil: keras.Model, averages: Averages) -> keras.Model:
    """The same model, whose training step brings the averages up to date.

    Args:
        pupil: From indices to logits; its weights are shared.
        averages: Of its weights; become part of its state.
    """
    import keras

    class WithAverages(keras.Model):  # type: ignore[misc]
        """Averages its weights after every step."""

        def train_step(self, *arguments: Any) -> Any:
            if keras.config.backend() != "jax":
                logs = super().train_step(*arguments)
                averages.renew(self.optimizer.iterations)
                return logs
            logs, state = super().train_step(*arguments)
            groups = (
                self.trainable_variables,
                self.non_trainable_variables,
                self.optimizer.variables,
                self.metrics_variables,
            )
            values = [
                pair
                for group, held in zip(groups, state, strict=True)
                for pair in zip(group, held, strict=True)
            ]
            with keras.StatelessScope(state_mapping=values) as scope:
                averages.renew(self.optimizer.iterations)
            return logs, tuple(
                [scope.get_current_value(variable) for variable in group]
                for group in groups
            )

    model = WithAverages(pupil.input, pupil.output, name=pupil.name)
    # So that Keras knows them: on JAX the step is handed only what the model has.
    model.averages = averages.averages
    return model


def as_swap_callback(averages: Averages) -> Any:
    """A ``keras.callbacks.Callback`` that has the averages validated."""
    import keras

    class SwapCallback(keras.callbacks.Callback):  # type: ignore[misc]
        """Puts the averages in the place of the weights, and back."""

        def on_test_begin(self, logs: Any = None) -> None:
            self._swap()

        def on_test_end(self, logs: Any = None) -> None:
            self._swap()

        def _swap(self) -> None:
            # Reading it brings in the weights, which lag behind on JAX.
            _ = self.model
            averages.swap()

    return SwapCallback()
