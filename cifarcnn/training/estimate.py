"""How long a training takes and how much memory, worked out from a few of its steps."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

# Behind the last epoch: model.keras, model.tflite, the report, and the end of the
# process. On JAX another one, which has to start TensorFlow, writes the second.
_FILES_SECONDS: Mapping[str, float] = {"tensorflow": 4.0, "jax": 12.0}


@dataclass(frozen=True)
class Duration:
    """Seconds, and between which they are if the machine stays as busy as it was."""

    seconds: float
    low: float
    high: float

    def times(self, factor: float) -> Duration:
        """So many of them."""
        return Duration(self.seconds * factor, self.low * factor, self.high * factor)

    def plus(self, other: Duration) -> Duration:
        """Both, one after the other."""
        return Duration(
            self.seconds + other.seconds, self.low + other.low, self.high + other.high
        )


def exactly(seconds: float) -> Duration:
    """Seconds that do not vary."""
    return Duration(seconds, seconds, seconds)


class Timings:
    """Times of what was done several times, some pieces of it at once.

    Attributes:
        count: Of the pieces.
        seconds: Of all of them.
    """

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self._each: list[float] = []

    def __len__(self) -> int:
        """How many times were taken."""
        return len(self._each)

    def add(self, count: int, seconds: float) -> None:
        """Take note of some pieces that took so long together."""
        self.count += count
        self.seconds += seconds
        self._each.append(seconds / count)

    def of_each(self) -> Duration:
        """Of one piece: the mean, which what holds up some is a part of, and the
        middle half."""
        mean = self.seconds / self.count
        if len(self._each) < 2:
            return exactly(mean)
        low, _, high = statistics.quantiles(self._each, n=4, method="inclusive")
        return Duration(mean, min(low, mean), max(high, mean))


@dataclass(frozen=True)
class Estimate:
    """What a training will take, as far as a few steps of it tell.

    Attributes:
        epoch: Of an epoch, its validation included.
        whole: From the first of these steps to the end.
        memory_bytes: The most that was taken so far: by arrays on the GPU where one
            computes, else by the process. ``None``: not known.
        epochs: How many ``whole`` is of; of one that was begun before, what is left.
        goes_on: Whether something was trained before.
        fine_tuned_from: The number of the epoch where a fine-tuning begins, whose
            epochs take another time; ``None``: nothing is fine-tuned later.
        fine_tuned_epoch: Of an epoch of it; ``None``: it was not tried, and is no part
            of ``whole``.
        stops_early: Whether early stopping may end it before.
        max_minutes: When it ends at the latest; ``None``: when it is done.
    """

    epoch: Duration
    whole: Duration
    memory_bytes: int | None
    epochs: float
    goes_on: bool = False
    fine_tuned_from: int | None = None
    fine_tuned_epoch: Duration | None = None
    stops_early: bool = False
    max_minutes: float | None = None


def ending(backend: str, validation: Duration) -> Duration:
    """What follows the last epoch: the validation images once more, and the files."""
    return validation.plus(exactly(_FILES_SECONDS[backend]))
