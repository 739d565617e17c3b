"""From the config to the objects that ``fit`` needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from cifarcnn.config import summarize
from cifarcnn.config.learning_rate_schedules import ReduceLROnPlateau
from cifarcnn.network.keras_objects import convert_choice
from cifarcnn.network.weights import to_numpy
from cifarcnn.training.optimizers import make_optimizer
from cifarcnn.training.schedules import learning_rate

if TYPE_CHECKING:
    from cifarcnn.config import Config

# Arithmetic between two looks at the clock and at signals: about a quarter of a second
# on two cores, so that a network that is small beside Python's work does not wait
# for it after each step (a tenth faster at batch 32), and a large one stops at once.
# On a GPU it is a tenth of a second at 100 TFLOP a second; a slow one takes a second.
_OPERATIONS_PER_EXECUTION = {"cpu": 6e10, "gpu": 1e13}
_MOST_STEPS_PER_EXECUTION = 16


def build_optimizer(
    config: Config, epochs: int, steps_per_epoch: int, variables: Sequence[Any]
) -> tuple[Any, Callable[[int], float]]:
    """The Keras optimizer with its schedule, and the learning rate of each step.

    Args:
        config: Names the optimizer and the schedule.
        epochs: Of the whole training.
        steps_per_epoch: Steps in one epoch.
        variables: The weights that it will change.

    Returns:
        The optimizer, and a function from a step (counted from 0 over the whole
        training, at most the current one) to the rate it was done with.
    """
    training = config.training
    rate = learning_rate(
        training.learning_rate_schedule,
        training.optimizer.learning_rate,
        epochs,
        steps_per_epoch,
    )
    optimizer = make_optimizer(
        training.optimizer, rate, variables, training.learning_rate_multipliers
    )

    def rate_at(step: int) -> float:
        value = rate(step) if callable(rate) else optimizer.learning_rate
        # Seven digits are what float32 holds; the rest would only look odd.
        return float(f"{float(to_numpy(value)):.7g}")

    return optimizer, rate_at


def steps_per_execution(config: Config, kind: Literal["cpu", "gpu"]) -> int:
    """How many steps run before Python has its turn: the config's number, if any.

    A step takes two operations for each multiply-accumulate of an image, once
    forward and about twice that backward.

    Args:
        config: The network and its batches.
        kind: What they run on.
    """
    if config.training.steps_per_execution is not None:
        return config.training.steps_per_execution
    operations = 6 * summarize(config).macs * config.training.batch_size
    steps = int(_OPERATIONS_PER_EXECUTION[kind] / max(operations, 1))
    return min(max(steps, 1), _MOST_STEPS_PER_EXECUTION)


def build_callbacks(config: Config) -> list[Any]:
    """Keras's own callbacks that the config asks for, early stopping last."""
    import keras

    callbacks = []
    schedule = config.training.learning_rate_schedule
    if isinstance(schedule, ReduceLROnPlateau):
        callbacks.append(
            convert_choice(
                keras.callbacks, schedule, mode=direction_of(schedule.monitor)
            )
        )
    stopping = config.training.early_stopping
    if stopping is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor=stopping.monitor,
                patience=stopping.patience,
                min_delta=stopping.min_delta,
                mode=direction_of(stopping.monitor),
            )
        )
    return callbacks


def direction_of(monitor: str) -> str:
    """Whether a figure should fall or rise, in Keras's words."""
    return "max" if monitor.endswith("accuracy") else "min"
