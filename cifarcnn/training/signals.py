"""SIGINT, SIGTERM and SIGHUP as a wish that is granted at the next safe place."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

# A closed terminal sends SIGHUP, which Windows does not have.
_WATCHED = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)


class SignalWatch:
    """While open, the first signal is remembered; the second acts at once.

    Outside the main thread, where Python allows no handlers, it watches nothing. A
    signal that the process ignores (``nohup``, jobs in the background) stays ignored.

    Attributes:
        received: The number of the signal that came, or ``None``.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> SignalWatch:
        if threading.current_thread() is threading.main_thread():
            for number in _WATCHED:
                before = signal.getsignal(number)
                # None: a handler that does not come from Python and cannot be put back.
                if before is not signal.SIG_IGN and before is not None:
                    self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        for watched in self._before:
            signal.signal(watched, signal.SIG_DFL)
