"""A table as text: drawn on a terminal, plain aligned columns in a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from cifarcnn.cli.console import printable


def lay_out(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: int
) -> str:
    """The text of a table, without a line end.

    Args:
        headings: One for each column.
        rows: Plain text; characters that could steer a terminal are replaced.
        numbers: How many columns, from the second on, are aligned to the right.
    """
    clean = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        return _drawn(headings, clean, numbers)
    return _plain(headings, clean, numbers)


def _plain(headings: Sequence[str], rows: list[list[str]], numbers: int) -> str:
    from rich.cells import cell_len

    table = [list(headings), *rows]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - cell_len(cell))
            cells.append(gap + cell if 1 <= place <= numbers else cell + gap)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _drawn(headings: Sequence[str], rows: list[list[str]], numbers: int) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if 1 <= place <= numbers else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    text = io.StringIO()
    # No colours: what comes from strangers may not be told from them afterwards.
    console = Console(file=text, width=Console().width)
    console.print(table)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return "\n".join(line for line in lines if line)
