"""``report.html`` of a folder of several seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.durations import describe_seconds
from cifarcnn.intervals import mean_with_interval
from cifarcnn.runs import Run
from cifarcnn.runs.folder import HISTORY, REPORT
from cifarcnn.runs.history import to_records
from cifarcnn.runs.listing import RunSummary, summarize_run
from cifarcnn.runs.manifest import CONFIG
from cifarcnn.runs.safe_io import write_file
from cifarcnn.runs.seeds_folder import SeedsFolder

if TYPE_CHECKING:
    from cifarcnn.page.comparison_page import ComparisonPage, Curves


def write_seeds_report(folder: SeedsFolder) -> None:
    """Write the page, in the place of an earlier one, and say so.

    What keeps it from being written is told, and costs nothing else.
    """
    path = folder.path / REPORT
    try:
        # Here, so that what it cannot load costs nothing either.
        from cifarcnn.page.comparison_page import render_comparison

        page = render_comparison(_describe(folder))
        write_file(path, page.encode("utf-8", "replace"))
    # The trainings are done, and are worth more than a page about them.
    except Exception as error:
        console.print_message(
            f"note: report.html is not written: {error or type(error).__name__} The "
            "runs are complete without it."
        )
    else:
        console.print_message(console.printable(f"report: {path}"))


def _describe(folder: SeedsFolder) -> ComparisonPage:
    from cifarcnn.config.loading import load_config
    from cifarcnn.page.comparison_page import ComparisonPage, Table

    begun = [s for s in folder.seeds if (folder.run_path(s) / CONFIG).exists()]
    runs = {seed: summarize_run(folder.run_path(seed)) for seed in begun}
    left_out = len(folder.seeds) - len(begun)
    notes = [f"Not begun yet: {left_out} of {len(folder.seeds)}."] if left_out else []
    if folder.smoke:
        notes.append("A trial on few pictures (--smoke); its figures say little.")
    name = load_config(str(folder.base_path)).name
    return ComparisonPage(
        title=f"The training of {name} with {len(folder.seeds)} seeds",
        verdicts=_conclude(runs),
        notes=notes,
        figures=Table(
            ["seed", "validation accuracy", "epochs", "training", ""],
            [[f"seed {seed}", *_cells(run)] for seed, run in runs.items()],
            said=1,
        ),
        differences=None,
        curves=[_read_curves(seed, folder) for seed in begun],
        links={
            f"seed {seed}": f"{folder.run_path(seed).name}/{REPORT}"
            for seed in begun
            if (folder.run_path(seed) / REPORT).is_file()
        },
        source=str(folder.path),
    )


def _conclude(runs: Mapping[int, RunSummary]) -> list[str]:
    """What all came to, and which did not come to their end."""
    accuracies = [
        run.val_accuracy
        for run in runs.values()
        if run.state == "finished" and run.val_accuracy is not None
    ]
    said = []
    found = mean_with_interval(accuracies)
    if found is None:
        said.append(
            "Of fewer than two finished runs with validation pictures there is no "
            "spread."
        )
    else:
        low, high = found.interval
        said.append(
            f"Validation accuracy {found.mean:.2%} on average over {len(accuracies)} "
            f"seeds, standard deviation {100 * found.deviation:.2f} points, 95% "
            f"interval of the mean {low:.2%} to {high:.2%}."
        )
    states = Counter(run.state for run in runs.values() if run.state != "finished")
    for state in states:
        seeds = ", ".join(str(s) for s, run in runs.items() if run.state == state)
        said.append(f"Not in these figures, since {state}: {seeds}.")
    return said


def _cells(run: RunSummary) -> list[str]:
    finished = run.state == "finished" and run.val_accuracy is not None
    return [
        f"{run.val_accuracy:.2%}" if finished else "",
        "" if run.epochs is None else f"{run.epochs:,}",
        "" if run.training_seconds is None else describe_seconds(run.training_seconds),
        "" if run.state == "finished" else run.state,
    ]


def _read_curves(seed: int, folder: SeedsFolder) -> Curves:
    from cifarcnn.page.comparison_page import Curves

    run = Run(folder.run_path(seed))
    # A training that was killed, or diverged, in its first epoch has none.
    rows = run.read_history() if (run.path / HISTORY).exists() else []
    return Curves(f"seed {seed}", to_records(rows))
