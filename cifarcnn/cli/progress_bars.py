"""Bars on a terminal, which vanish when what they show is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cifarcnn.cli import console

if TYPE_CHECKING:
    from rich.progress import Progress


class CompilationClock:
    """A text that is another one whenever it is drawn, which Rich does in a thread."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        seconds = int(time.monotonic() - self._start)
        return f"compiling, {seconds} s" if seconds else ""


def make_bar(name: str = "") -> Progress:
    """A bar before its figures (``figures``), behind its name."""
    from rich.progress import BarColumn, Progress, TextColumn

    columns = [
        BarColumn(bar_width=24),
        TextColumn("{task.fields[figures]}", markup=False),
    ]
    return Progress(
        *([TextColumn(name)] if name else []),
        *columns,
        console=console.stderr_console(),
        transient=True,
    )


def make_bars() -> Progress:
    """The two bars below the lines of a training."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    # Where the terminal is narrow, the bars give way and no figure is cut.
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
        TextColumn("left"),
        TextColumn("{task.fields[figures]}"),
        console=console.stderr_console(),
        transient=True,
    )
