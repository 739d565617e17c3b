"""What a command is doing, on a terminal, while it has nothing else to say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cifarcnn.cli import console


@contextlib.contextmanager
def activity(text: str, *, shown: bool = True) -> Iterator[None]:
    """Show what is being done, and for how long, until the context ends.

    Nothing else may be printed within. Elsewhere than on a terminal nothing is shown,
    and afterwards nothing is left of it.

    Args:
        text: What is done, such as ``judging runs/a-1``.
        shown: False for whoever wants JSON alone.
    """
    if not (shown and console.stderr_is_live()):
        yield
        return
    from rich.progress import Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    screen = console.stderr_console()
    # One line, however narrow the terminal is, and the time on it.
    width = max(screen.width - len(" 0:00:00"), 1)
    column = Column(no_wrap=True, overflow="ellipsis", max_width=width)
    with Progress(
        TextColumn("{task.description}", markup=False, table_column=column),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
    ) as progress:
        progress.add_task(console.printable(text), total=None)
        yield
