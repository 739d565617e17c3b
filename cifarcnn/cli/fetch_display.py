"""What the user sees of a fetch: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from cifarcnn.cli import console
from cifarcnn.cli.durations import describe_seconds
from cifarcnn.cli.progress_bars import make_bar
from cifarcnn.data.fetching.sources import ArchiveSource, FetchObserver
from cifarcnn.errors import Stopped

_SECONDS_BETWEEN_LINES = 10.0
_KEPT = "interrupted; what has come is kept, and the same command goes on from there"


class FetchLines(FetchObserver):
    """Plain lines on standard error."""

    def __init__(self) -> None:
        self._last_line = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to clear away; a bar has."""

    def show(self, text: str) -> None:
        """One line for the user."""
        console.print_message(text)

    def source_opened(self, source: ArchiveSource, done: int) -> None:
        total = source.archive.size
        there = f"; {describe_share(done, total)} is here already" if done else ""
        self.show(f"fetching: {source.url} ({total / 1e6:,.0f} MB{there})")
        self._last_line = time.monotonic()

    def bytes_arrived(self, done: int, total: int, rate: float) -> None:
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self.show(describe_progress(done, total, rate))

    def archive_placed(self, path: Path, url: str) -> None:
        self.show(f"fetched: {path}, size and sha256 as published")

    def noted(self, sentence: str) -> None:
        self.show(f"note: {sentence}")


class FetchBar(FetchLines):
    """The same lines above a bar with rate and time left."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = make_bar()
        self._bar = self._progress.add_task("", figures="")

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def show(self, text: str) -> None:
        self._progress.console.print(console.printable_lines(text))

    def source_opened(self, source: ArchiveSource, done: int) -> None:
        super().source_opened(source, done)
        self._progress.update(self._bar, total=source.archive.size, completed=done)
        self._progress.start()

    def bytes_arrived(self, done: int, total: int, rate: float) -> None:
        figures = describe_progress(done, total, rate)
        self._progress.update(self._bar, completed=done, figures=figures)

    def archive_placed(self, path: Path, url: str) -> None:
        self._progress.stop()
        super().archive_placed(path, url)


def open_fetch_display() -> FetchLines:
    """The display that suits standard error: a bar on a terminal, else lines."""
    return FetchBar() if console.stderr_is_live() else FetchLines()


@contextlib.contextmanager
def interruption_explained() -> Iterator[None]:
    """Say at a signal what becomes of the bytes that have come."""
    try:
        yield
    except Stopped as stopped:
        raise Stopped(stopped.signal_number, _KEPT) from None


def describe_progress(done: int, total: int, rate: float) -> str:
    """``34 % of 170 MB, 1,200 kB/s, 1 min 33 s left``."""
    if done >= total:
        return f"{describe_share(done, total)}, all of it"
    # Less than a byte a second is no rate to reckon with.
    left = f"{describe_seconds((total - done) / rate)} left" if rate >= 1 else "stalled"
    return f"{describe_share(done, total)}, {rate / 1000:,.0f} kB/s, {left}"


def describe_share(done: int, total: int) -> str:
    """``34 % of 170 MB``."""
    return f"{100 * done // total} % of {total / 1e6:,.0f} MB"
