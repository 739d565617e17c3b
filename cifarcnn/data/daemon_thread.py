"""Work in threads that the end of the process does not wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def start_daemon(work: Callable[[], Result]) -> Future[Result]:
    """Begin ``work`` in a thread of its own.

    Python acts on a signal between two of its own steps. While the main thread does no
    more than wait for the result, it acts at once, however long native code may take;
    the threads of ``ThreadPoolExecutor`` would be waited for all the same.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="cifarcnn", daemon=True).start()
    return future
