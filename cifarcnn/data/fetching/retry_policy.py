"""How long to wait, how often to try, and when a source is too slow."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """The bounds of a fetch, in seconds, bytes and counts.

    Attributes:
        connect_seconds: For a connection to stand.
        answer_seconds: From the question to the end of an answer's head, whatever it
            is that takes so long, be it the name server.
        silence_seconds: Without a byte of the body, after which a connection is given
            up.
        stalled_seconds: Without a byte from any source, after which nothing is tried
            that was tried before.
        tries: Attempts in a row that bring nothing, before a source is left.
        first_pause: Before the second attempt; it doubles from one to the next.
        longest_pause: What it never exceeds. A server that asks for more is left.
        floor_rate: Bytes per second below which another source is tried.
        crawl_rate: Bytes per second below which even the only source is given up.
        rate_seconds: How long the rate is watched before it counts.
        patient_seconds: With no more than this to go, a slow source is not left.
        redirects: How many are followed.
        lock_seconds: Between two looks at whether another process has finished.
    """

    connect_seconds: float = 15.0
    answer_seconds: float = 60.0
    silence_seconds: float = 30.0
    stalled_seconds: float = 300.0
    tries: int = 5
    first_pause: float = 1.0
    longest_pause: float = 60.0
    floor_rate: float = 200_000.0
    crawl_rate: float = 1_000.0
    rate_seconds: float = 15.0
    patient_seconds: float = 60.0
    redirects: int = 5
    lock_seconds: float = 0.5

    def pause(self, failures: int, asked: float | None) -> float:
        """Seconds to wait after so many failures in a row, 1 or more.

        Half of it is left to chance, so that many machines do not come back at once.

        Args:
            failures: How many there were.
            asked: What the server asked for, or ``None``.
        """
        # Past 2 ** 30 it is the longest one anyway.
        steep = self.first_pause * 2 ** min(failures - 1, 30)
        full = min(self.longest_pause, max(steep, asked or 0.0))
        least = max(full / 2, min(asked or 0.0, full))
        return random.uniform(least, full)


class RateMeter:
    """Bytes per second over the last seconds.

    The arrivals of a tenth of the window are kept as one, so that it stays small.

    Args:
        window_seconds: How far back the rate looks.
        start: The time now, in seconds.
    """

    def __init__(self, window_seconds: float, start: float) -> None:
        self._window = window_seconds
        self._start = start
        self._total = 0
        self._marks = deque([(start, 0)])  # time, and the bytes that had come by then

    def add(self, count: int, now: float) -> None:
        """So many bytes came."""
        self._total += count
        if now - self._marks[-1][0] >= self._window / 10:
            self._marks.append((now, self._total))
            # One mark at the far end of the window is enough.
            while len(self._marks) > 1 and self._marks[1][0] <= now - self._window:
                self._marks.popleft()

    def rate(self, now: float) -> float:
        """Bytes per second, over the window or since the start."""
        time, total = self._marks[0]
        return (self._total - total) / max(now - time, 1e-9)

    def is_settled(self, now: float) -> bool:
        """Whether it has been measured for a whole window."""
        return now - self._start >= self._window
