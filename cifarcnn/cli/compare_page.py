"""``cifarcnn compare --out``: the same as a page, with curves and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.durations import describe_seconds

if TYPE_CHECKING:
    from cifarcnn.comparison import ComparedRun, Comparison
    from cifarcnn.config.config_differences import ConfigDifference
    from cifarcnn.page.comparison_page import (
        ComparisonPage,
        Curves,
        Disagreements,
        Table,
    )
    from cifarcnn.trained_run import TrainedRun

FIGURES = (
    *("accuracy", "95 % interval", "loss", "parameters", "multiply-accumulates"),
    *("training", "weights", "run"),
)


def describe_figures(run: ComparedRun) -> list[str]:
    """What a run costs and achieves, a word for each of ``FIGURES``."""
    low, high = run.evaluation.accuracy_interval
    return [
        f"{run.evaluation.accuracy:.2%}",
        f"{low:.2%} to {high:.2%}",
        f"{run.evaluation.loss:.4f}",
        f"{run.parameters:,}",
        f"{run.macs:,}",
        describe_seconds(run.training_seconds),
        f"{run.weights_bytes / 1e6:,.2f} MB",
        str(run.path),
    ]


def check_page_path(out: Path) -> Path:
    """Where the page shall be.

    Raises:
        UsageError: The place is taken, or its folder is missing or cannot be written.
    """
    from cifarcnn.page.output_path import choose_output_path

    return choose_output_path(out, "", "html", example="compared.html")


def write_page(path: Path, page: ComparisonPage) -> None:
    """Write it whole, in the place of nothing, and say so.

    Raises:
        UsageError: It cannot be written, or its name has been taken meanwhile.
    """
    from cifarcnn.page.comparison_page import render_comparison
    from cifarcnn.page.output_path import write_new

    # Names of files may hold what no text can.
    write_new(path, render_comparison(page).encode("utf-8", "replace"))
    console.print_message(console.printable(f"page: {path}"))


def describe_page(
    runs: Sequence[TrainedRun], comparison: Comparison, verdicts: Sequence[str]
) -> ComparisonPage:
    """What the page says of runs.

    Args:
        runs: That were compared.
        comparison: What came of it.
        verdicts: What the tests found, a paragraph each.

    Raises:
        CifarcnnError: A file of a run, or the data set, cannot be read.
    """
    from cifarcnn.page.comparison_page import ComparisonPage, Table

    numbers = [f"{number}" for number in range(1, len(runs) + 1)]
    notes = [
        f"{run.path} is a trial on few pictures (--smoke); its figures say little."
        for run in comparison.runs
        if run.smoke
    ]
    if notice := runs[0].dataset.notice:
        notes.append(f"These are {notice}.")
    return ComparisonPage(
        title=f"{len(runs)} trained networks side by side",
        verdicts=verdicts,
        notes=notes,
        figures=Table(
            ["", *FIGURES],
            [
                [number, *describe_figures(run)]
                for number, run in zip(numbers, comparison.runs, strict=True)
            ],
            said=1,
        ),
        differences=to_table(comparison.differences, numbers),
        curves=[
            read_curves(f"{number} {run.path.name}", run)
            for number, run in zip(numbers, runs, strict=True)
        ],
        disagreements=_show_disagreements(runs[0], comparison, numbers),
    )


def _show_disagreements(
    run: TrainedRun, comparison: Comparison, numbers: Sequence[str]
) -> Disagreements:
    import numpy as np

    from cifarcnn.page.comparison_page import MOST_IMAGES, Disagreements, Table
    from cifarcnn.page.plots import ShownImage

    shown = comparison.disagreements[:MOST_IMAGES]
    images = run.split(comparison.split).images
    return Disagreements(
        [
            ShownImage(
                np.asarray(images[each.index]),
                (each.label, *map("{}: {}".format, numbers, each.answers)),
            )
            for each in shown
        ],
        Table(
            ["picture", "label", *(f"answer of {number}" for number in numbers)],
            [[str(each.index), each.label, *each.answers] for each in shown],
            said=1 + len(numbers),
        ),
        len(comparison.disagreements),
        comparison.runs[0].evaluation.examples,
        comparison.split,
    )


def to_table(differences: Sequence[ConfigDifference], numbers: Sequence[str]) -> Table:
    """The values that configs do not share."""
    from cifarcnn.page.comparison_page import Table

    rows = [[each.path, *each.values] for each in differences]
    return Table(["value", *numbers], rows, said=len(numbers))


def read_curves(name: str, run: TrainedRun) -> Curves:
    """The epochs of a run.

    Raises:
        RunError: ``history.csv`` is missing or damaged.
    """
    from cifarcnn.page.comparison_page import Curves
    from cifarcnn.runs.history import to_records

    return Curves(name, to_records(run.run.read_history()))
