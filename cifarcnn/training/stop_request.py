"""What may ask a training to end at its next step."""

from __future__ import annotations

import math
import time


class StopRequest:
    """Signals that came, and the time that is left.

    Attributes:
        signals: Numbers of the signals, such as 2 for SIGINT, as they came.
        max_minutes: How long the training may take in all; ``None``: as it needs.
        name: What the user knows them by.
    """

    def __init__(
        self, max_minutes: float | None = None, name: str = "training.max_minutes"
    ) -> None:
        """The time begins now."""
        self.signals: list[int] = []
        self.max_minutes = max_minutes
        self.name = name
        minutes = math.inf if max_minutes is None else max_minutes
        self._end = time.perf_counter() + 60 * minutes

    def seconds_left(self) -> float:
        """Until the time is up; infinite where there is no end."""
        return self._end - time.perf_counter()
