"""The time before the first step, in which XLA compiles."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from cifarcnn.engine import compilation_cache
from cifarcnn.training.observer import Observer


@contextlib.contextmanager
def compilation_told(observer: Observer, by_xla: bool) -> Iterator[None]:
    """Tell of what is compiled inside, and have it found by the next process.

    Args:
        observer: Is told.
        by_xla: Whether XLA compiles; the backend itself is done at once.
    """
    start = time.perf_counter()
    if by_xla:
        observer.compilation_started()
    yield
    # Now, for the process may be killed before its end.
    compilation_cache.seal()
    if by_xla:
        observer.compilation_ended(time.perf_counter() - start)
