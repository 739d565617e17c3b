"""``history.csv``: one row of figures per epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.runs.reading import RESTORE_HINT, read_bytes

_LIMIT = 64 * 1024 * 1024


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows as text by column.

    Raises:
        RunError: The file is missing or damaged.
    """
    data = read_bytes(path, _LIMIT)
    try:
        header, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
        return [dict(zip(header, row, strict=True)) for row in rows]
    except (ValueError, csv.Error) as error:
        raise RunError(
            f"{path} is damaged: it is not a table in which every row has the columns "
            f"of the first. {RESTORE_HINT}"
        ) from error


def extend_rows(path: Path, row: Mapping[str, object]) -> bytes:
    """The file with one more row; None becomes an empty field.

    Raises:
        RunError: The file is damaged, or its columns are not those of ``row``.
    """
    rows = read_rows(path) if path.exists() else []
    if rows and list(rows[0]) != list(row):
        raise RunError(
            f"{path} has the columns {', '.join(rows[0])}, but the new epoch has "
            f"{', '.join(row)}. {RESTORE_HINT}"
        )
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, row])
    return text.getvalue().encode()
