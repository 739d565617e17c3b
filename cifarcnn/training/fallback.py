"""What is left of a training that diverges before its first epoch is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cifarcnn.errors import RunError
from cifarcnn.runs.weights import first_non_finite

if TYPE_CHECKING:
    from cifarcnn.training.keeper import Arrays, Keeper

# Of the time, at most, goes into the copies.
_SHARE = 0.01


class Fallback:
    """Copies the weights now and then, until those of an epoch are kept."""

    def __init__(self, keeper: Keeper, read_weights: Callable[[], Arrays]) -> None:
        """Connect the parts.

        Args:
            keeper: Knows whether an epoch is kept, and writes.
            read_weights: Gives copies of the weights to keep, as they are now.
        """
        self.keeper = keeper
        self.read_weights = read_weights
        self._copy: tuple[int, Arrays] | None = None
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time for a copy."""
        return not self.keeper.records and time.perf_counter() >= self._next

    def copy(self, steps: int) -> None:
        """Copy the weights, unless they are not finite.

        Args:
            steps: Of the first epoch that are done.
        """
        start = time.perf_counter()
        arrays = self.read_weights()
        if first_non_finite(arrays) is None:
            self._copy = (steps, arrays)
        end = time.perf_counter()
        self._next = end + (end - start) / _SHARE

    def keep(self) -> str:
        """See that the run has finite weights, and say which, as a sentence."""
        run = self.keeper.run
        if self.keeper.written or run.has_weights or self._copy is None:
            return self.keeper.describe_kept()
        steps, arrays = self._copy
        try:
            self.keeper.stopped(arrays)
        except RunError as error:
            return str(error)
        return f"The weights after step {steps} are kept in {run.path}."
