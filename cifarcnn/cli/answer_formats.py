"""One answer of ``predict`` as JSON, as a row of a table, and as a line of CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from cifarcnn.cli import console
from cifarcnn.literals import UNSURE


@dataclass(frozen=True)
class Answer:
    """What is said of one image.

    Attributes:
        name: Of the image.
        best: The most probable classes and their probabilities; empty with an error.
        error: Why there are none; empty when there are.
        unsure: Whether nothing fits; None where that was not asked.
        doubts: A few words about it, for the table.
    """

    name: str
    best: Sequence[tuple[str, float]]
    error: str = ""
    unsure: bool | None = None
    doubts: str = ""

    @property
    def label(self) -> str:
        """What the image is called; there is no error."""
        return UNSURE if self.unsure else self.best[0][0]


def to_json(answer: Answer) -> str:
    """One line; indented, Python's encoder takes ten times as long."""
    if answer.error:
        return json.dumps({"image": answer.name, "error": answer.error})
    top = [{"label": label, "probability": share} for label, share in answer.best]
    first = {"label": answer.label, "probability": top[0]["probability"]}
    return json.dumps({"image": answer.name, **first, "top": top})


def to_row(answer: Answer) -> list[str]:
    """The cells of a row, without an error."""
    (_, probability), *others = answer.best
    sure = f"{probability:.1%}"
    if answer.unsure:
        sure, others = "", list(answer.best)
    then = ", ".join(f"{name} {share:.1%}" for name, share in others)
    return [answer.name, sure, answer.label, then, answer.doubts]


def print_csv_head(top: int, unsure: bool) -> None:
    """The first line, for answers that name ``top`` classes each."""
    further = [[f"label_{k}", f"probability_{k}"] for k in range(2, top + 1)]
    cells = ["label", "probability", *(cell for pair in further for cell in pair)]
    _print_csv(["image", *cells, "error", *(["most_probable"] if unsure else [])])


def print_csv(answer: Answer, top: int) -> None:
    """The line of an answer; with ``unsure`` its most probable class is the last."""
    cells: list[object] = [cell for pair in answer.best for cell in pair]
    last = []
    if answer.unsure is not None:
        last = [answer.best[0][0] if answer.best else ""]
    if answer.best:
        cells[0] = answer.label
    missing = [""] * (2 * top - len(cells))
    _print_csv([answer.name, *cells, *missing, answer.error, *last])


def _print_csv(cells: Sequence[object]) -> None:
    text = io.StringIO()
    # Only what the end of a line has is quoted in a name.
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    console.print_raw(text.getvalue().removesuffix("\r\n"))
