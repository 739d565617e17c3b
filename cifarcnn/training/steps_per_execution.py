"""How many steps run in one go, before Python has its turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cifarcnn.config import Config, summarize
from cifarcnn.engine import Device
from cifarcnn.engine.distribution import of_first_host

# Between two looks at the clock and at signals, so that a training stops at once and a
# small network does not wait for Python after each step.
_SECONDS = 0.25
# Arithmetic of the first execution, when nothing is measured yet: a quarter of a second
# on two cores; on a GPU a hundredth of a second to a second.
_OPERATIONS = {"cpu": 6e10, "gpu": 1e12}
_MOST_FIRST_STEPS = {"cpu": 16, "gpu": 256}
# From one execution to the next: a single one may seem to have taken no time, or be
# held up by something else.
_LARGEST_GROWTH = 8
_LARGEST_FALL = 2


@dataclass
class StepsPerExecution:
    """As many steps as take a quarter of a second, or a fixed number.

    No figure of a training depends on it: the steps are the same.

    Attributes:
        steps: Of the next execution.
        fixed: Whether the number stays.
    """

    steps: int
    fixed: bool = False

    def run(
        self, execute: Callable[[int, int], Mapping[str, Any]], first: int, end: int
    ) -> tuple[int, dict[str, float]]:
        """Do the next steps, those up to ``end`` at most.

        Args:
            execute: Does the steps from one up to another, and gives the metrics.
            first: Counted from 0.
            end: The step behind the last one.

        Returns:
            The step behind the last one that was done, and the metrics.
        """
        stop = min(first + of_first_host(self.steps), end)
        start = time.perf_counter()
        results = execute(first, stop)
        # As numbers of Python, so that the device is done with them.
        logs = {name: float(value) for name, value in results.items()}
        if not self.fixed:
            seconds = max(time.perf_counter() - start, 1e-9)
            fitting = int((stop - first) * _SECONDS / seconds)
            most, least = _LARGEST_GROWTH * self.steps, self.steps // _LARGEST_FALL
            self.steps = max(min(fitting, most), least, 1)
        return stop, logs


def steps_per_execution(config: Config, device: Device) -> StepsPerExecution:
    """The config's number, or for a start what the arithmetic of a step suggests.

    A step takes two operations for each multiply-accumulate of an image, once
    forward and about twice that backward.
    """
    chosen = config.training.steps_per_execution
    if chosen is not None:
        return StepsPerExecution(chosen, fixed=True)
    operations = 6 * summarize(config).macs * config.training.batch_size
    steps = int(_OPERATIONS[device.kind] / max(operations, 1))
    return StepsPerExecution(min(max(steps, 1), _MOST_FIRST_STEPS[device.kind]))
