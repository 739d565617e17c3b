"""The signals that end a process."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

# A closed terminal sends SIGHUP, which Windows does not have.
ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextlib.contextmanager
def ending_signals_handled(handle: Callable[[int], object]) -> Iterator[None]:
    """Call ``handle`` with the first ending signal; a second one acts at once.

    A signal that the process ignores (``nohup``, jobs in the background) stays ignored.
    Outside the main thread, where Python allows no handlers, nothing is handled.

    Args:
        handle: Called with the number of the signal; it may raise.
    """
    before: dict[int, Any] = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        handle(number)

    if threading.current_thread() is threading.main_thread():
        for name in ENDING_SIGNALS:
            number = getattr(signal, name, None)
            # None: a handler that does not come from Python and cannot be put back.
            if number and signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
