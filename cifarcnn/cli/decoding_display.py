"""What the user sees while pictures are decoded: a bar on a terminal, and lines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.durations import describe_seconds
from cifarcnn.cli.progress_bars import make_bar
from cifarcnn.data.decoding.observer import DecodingObserver, decoding_observed_by

if TYPE_CHECKING:
    from rich.progress import Progress


class DecodingDisplay(DecodingObserver):
    """Shows a decoding that takes a while; of others nothing."""

    def __init__(self, show: Callable[[str], object] = console.print_message) -> None:
        """Prepare the display.

        Args:
            show: Takes each line.
        """
        self.show = show
        self._begun = False
        self._bar: Progress | None = None

    def images_decoded(self, done: int, total: int, seconds: float) -> None:
        if done == total:
            self.close()
            self.show(
                f"decoded: {total:,} pictures in {describe_seconds(seconds)}, "
                f"{done / seconds:,.0f} pictures/s"
            )
            return
        if not self._begun:
            self._begin(total)
        if self._bar is not None:
            figures = describe_progress(done, total, seconds)
            self._bar.update(self._bar.task_ids[0], completed=done, figures=figures)

    def noted(self, sentence: str) -> None:
        self.show(f"note: {sentence}")

    def close(self) -> None:
        """Clear the bar away."""
        self._begun = False
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _begin(self, total: int) -> None:
        self._begun = True
        if not console.stderr_is_live():
            self.show(f"decoding {total:,} pictures ...")
            return
        self._bar = make_bar("decoding")
        self._bar.add_task("", total=total, figures="")
        self._bar.start()


@contextlib.contextmanager
def decoding_shown() -> Iterator[None]:
    """Show what is decoded for as long as the context lasts."""
    display = DecodingDisplay()
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
