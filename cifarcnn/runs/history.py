"""``history.csv``: one row of figures per epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean

from cifarcnn.errors import RunError
from cifarcnn.runs.safe_io import RESTORE_HINT, read_bytes

_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class EpochRecord:
    """The figures of one finished epoch.

    Attributes:
        epoch: Its number, counted from 1.
        loss: Mean over the epoch's steps, penalties of regularizers included.
        accuracy: Share of training images named rightly, 0 to 1, while learning.
        val_loss: Loss on the validation split; ``None`` without one.
        val_accuracy: Accuracy there, 0 to 1.
        learning_rate: Of the last step.
        duration_seconds: Of the whole epoch, validation included.
        pictures_per_second: Training images per second, validation left out.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    duration_seconds: float
    pictures_per_second: float


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


def to_records(rows: Sequence[Mapping[str, str]]) -> list[EpochRecord]:
    """The figures of the rows of the file; an empty field becomes None.

    Raises:
        RunError: A column is missing, or holds no number.
    """
    names = [field.name for field in fields(EpochRecord)]
    try:
        return [
            EpochRecord(
                int(row["epoch"]),
                *(_number(row[name]) for name in names[1:]),  # type: ignore[arg-type]
            )
            for row in rows
        ]
    except (KeyError, ValueError) as error:
        raise RunError(
            f"history.csv is damaged: a row lacks a figure ({error}). {RESTORE_HINT}"
        ) from error


def to_table(records: Sequence[EpochRecord]) -> bytes:
    """The file with a row for each epoch; None becomes an empty field."""
    text = io.StringIO(newline="")
    names = [field.name for field in fields(EpochRecord)]
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(record) for record in records)
    return text.getvalue().encode()


def average_records(trainings: Sequence[Sequence[EpochRecord]]) -> list[EpochRecord]:
    """The mean of several trainings at each epoch that all of them have.

    Args:
        trainings: One at least, each from epoch 1 on. A figure that one of them lacks
            is ``None``.
    """
    names = [field.name for field in fields(EpochRecord)][1:]
    return [
        EpochRecord(
            records[0].epoch,
            *(_mean([getattr(each, name) for each in records]) for name in names),  # type: ignore[arg-type]
        )
        for records in zip(*trainings, strict=False)
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def _number(text: str) -> float | None:
    return float(text) if text else None
