"""What a training tells another program that keeps its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from cifarcnn.runs.history import EpochRecord

# How a training ended: ``stopped`` by a signal or its time, to be gone on with.
Ending: TypeAlias = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True)
class TrackedRun:
    """A run, as others know it.

    Attributes:
        path: Its folder.
        id: Letters and digits that no other run has.
        name: For people: that of its folder.
        group: The name of the folder of several seeds that it lies in, or ``None``.
        experiment: The name of the config.
        config: All of it, as JSON would give it back.
        smoke: Whether it is only a trial on few images.
    """

    path: Path
    id: str
    name: str
    group: str | None
    experiment: str
    config: Mapping[str, Any]
    smoke: bool


class Tracker(Protocol):
    """Keeps the figures of one run; always called in the same thread.

    Whatever it raises costs the training nothing; ``open`` is called again then.
    """

    def __init__(self, tracked: TrackedRun) -> None:
        """Nothing is done or imported yet."""

    def open(self, told: int, done: int) -> int:
        """Begin the run, or go on with it.

        Args:
            told: Epochs that it was told of before.
            done: Epochs that are finished; fewer than ``told`` where some are lost.

        Returns:
            How many of the epochs it has, and need not be told again.
        """

    def log(self, records: Sequence[EpochRecord]) -> None:
        """Keep the figures of some epochs."""

    def close(self, ending: Ending) -> None:
        """End the run, for now or for good."""
