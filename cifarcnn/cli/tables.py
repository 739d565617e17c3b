"""A table as text: drawn on a terminal, plain aligned columns in a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Container, Sequence
from unicodedata import combining, east_asian_width

from cifarcnn.cli.console import printable


def format_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: int
) -> str:
    """The text of a table, without a line end.

    Args:
        headings: One for each column.
        rows: Plain text; characters that could steer a terminal are replaced.
        numbers: How many columns, from the second on, are aligned to the right.
    """
    right = range(1, numbers + 1)
    clean = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        return _draw_table(headings, clean, right)
    return align_columns([headings, *clean], right)


def format_records(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: int
) -> str:
    """The same, but on a terminal that is too narrow for it a paragraph for each row.

    So that no name is cut, and no figure. Empty cells are left out of a paragraph.
    """
    if not sys.stdout.isatty():
        return format_table(headings, rows, numbers)
    clean = [[printable(cell) for cell in row] for row in rows]
    plain = align_columns([headings, *clean], range(1, numbers + 1))
    needed, width = max(map(_width, plain.splitlines())), _terminal_width()
    if needed + len(headings) + 1 <= width:  # with rich's wider gaps
        return format_table(headings, rows, numbers)
    if needed <= width:
        return plain
    return "\n".join(_fill(headings, row, width) for row in clean)


def _terminal_width() -> int:
    from rich.console import Console

    return Console().width


def _fill(headings: Sequence[str], row: Sequence[str], width: int) -> str:
    """The first cell, and below it the others, each behind its heading."""
    lines = [row[0]]
    indented = ""
    for heading, cell in zip(headings[1:], row[1:], strict=True):
        if not cell:
            continue
        part = f"{heading} {cell}"
        if indented and _width(f"{indented}, {part}") < width:
            indented += f", {part}"
            continue
        if indented:
            lines.append(f"{indented},")
        indented = f"  {part}"
    return "\n".join([*lines, indented] if indented else lines)


def align_columns(rows: Sequence[Sequence[str]], right: Container[int]) -> str:
    """Plain lines in which each column is as wide as its widest cell.

    Args:
        rows: Plain text; the first may be the headings.
        right: The numbers of the columns that are aligned to the right, from 0 on.
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - _width(cell))
            cells.append(gap + cell if column in right else cell + gap)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """How many cells of a terminal a text takes; rich's costs ``check`` 10 ms."""
    return sum(
        0 if combining(sign) else 1 + (east_asian_width(sign) in "WF") for sign in text
    )


def _draw_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int]
) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="right" if column in right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    text = io.StringIO()
    # No colours: what comes from strangers may not be told from them afterwards.
    console = Console(file=text, width=_terminal_width())
    console.print(table)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return "\n".join(line for line in lines if line)
