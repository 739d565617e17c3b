"""What the user sees while pictures are decoded: a bar on a terminal, else a line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.durations import describe_seconds
from cifarcnn.data.decoding.observer import DecodingObserver, decoding_observed_by

if TYPE_CHECKING:
    from rich.progress import Progress


class DecodingLines(DecodingObserver):
    """Plain lines: that it takes a while, and that it is done."""

    def __init__(self, show: Callable[[str], object] = console.print_message) -> None:
        """Prepare the display.

        Args:
            show: Takes each line.
        """
        self.show = show
        self._begun = False

    def images_decoded(self, done: int, total: int, seconds: float) -> None:
        if done == total:
            self._begun = False
            self.close()
            rate = done / seconds
            self.show(
                f"decoded: {total:,} pictures in {describe_seconds(seconds)}, "
                f"{rate:,.0f} pictures/s"
            )
        else:
            if not self._begun:
                self._begun = True
                self.begin(total)
            self.advance(done, total, seconds)

    def begin(self, total: int) -> None:
        """The first time that it is told of a decoding."""
        self.show(f"decoding {total:,} pictures ...")

    def advance(self, done: int, total: int, seconds: float) -> None:
        """Every time but the last."""

    def close(self) -> None:
        """Nothing to clear away; a bar has."""

    def noted(self, sentence: str) -> None:
        self.show(f"note: {sentence}")


class DecodingBar(DecodingLines):
    """A bar with pictures per second and time left, and a line at the end."""

    _progress: Progress | None = None

    def begin(self, total: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("decoding"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}", markup=False),
            console=console.stderr_console(),
            transient=True,
        )
        self._bar = self._progress.add_task("", total=total, figures="")
        self._progress.start()

    def advance(self, done: int, total: int, seconds: float) -> None:
        figures = describe_progress(done, total, seconds)
        if self._progress is not None:
            self._progress.update(self._bar, completed=done, figures=figures)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def open_decoding_display(
    show: Callable[[str], object] = console.print_message,
) -> DecodingLines:
    """The display that suits standard error: a bar on a terminal, else lines."""
    screen = console.stderr_console()
    live = screen.is_terminal and not screen.is_dumb_terminal
    return (DecodingBar if live else DecodingLines)(show)


@contextlib.contextmanager
def decoding_shown() -> Iterator[None]:
    """Show what is decoded for as long as the context lasts."""
    display = open_decoding_display()
    try:
        with decoding_observed_by(display):
            yield
    finally:
        display.close()


def describe_progress(done: int, total: int, seconds: float) -> str:
    """``3,900 of 100,000 pictures, 3,950 pictures/s, 24.3 s left``."""
    rate = done / seconds
    left = describe_seconds((total - done) / rate)
    return f"{done:,} of {total:,} pictures, {rate:,.0f} pictures/s, {left} left"
