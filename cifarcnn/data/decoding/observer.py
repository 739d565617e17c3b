"""Who is told how far the decoding of many images has come.

Images are decoded wherever they are first asked for, deep below the command that wants
them: so who is to be told is not handed down, but set for all that a command does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar


class DecodingObserver:
    """Hears of a decoding that takes more than a second, and does nothing."""

    def images_decoded(self, done: int, total: int, seconds: float) -> None:
        """Told from the first second on, ten times a second, and when all are done.

        Args:
            done: How many files.
            total: How many there are to decode.
            seconds: Since the first was begun.
        """

    def noted(self, sentence: str) -> None:
        """Something is not as usual."""


_observer: ContextVar[DecodingObserver | None] = ContextVar("observer", default=None)


@contextlib.contextmanager
def decoding_observed_by(observer: DecodingObserver) -> Iterator[None]:
    """Tell ``observer`` of what is decoded, for as long as the context lasts."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def current_observer() -> DecodingObserver:
    """Who is to be told."""
    return _observer.get() or DecodingObserver()
