"""``search.html``: what a search came to, as a page in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.searching import Found
from cifarcnn.cli.trial_text import short_keys, trial_row
from cifarcnn.runs.folder import REPORT
from cifarcnn.runs.safe_io import write_file
from cifarcnn.search.folder import PAGE, TRIALS
from cifarcnn.search.trials import SearchTrial

if TYPE_CHECKING:
    from cifarcnn.page.search_page import SearchPage
    from cifarcnn.seeds_comparison import SeedsComparison


def write_search_page(
    found: Found, verdicts: Sequence[str], comparison: SeedsComparison | None
) -> None:
    """Write the page, in the place of an earlier one, and say so.

    What keeps it from being written is told, and costs nothing else.

    Args:
        found: The search.
        verdicts: What came of it, a paragraph each.
        comparison: Of the best with other seeds; ``None`` without.
    """
    path = found.folder.path / PAGE
    try:
        # Here, so that what it cannot load costs nothing either.
        from cifarcnn.page.search_page import render_search

        page = render_search(_describe(found, verdicts, comparison))
        write_file(path, page.encode("utf-8", "replace"))
    # The trials are done, and are worth more than a page about them.
    except Exception as error:
        console.print_message(
            f"note: {PAGE} is not written: {error or type(error).__name__} The search "
            "is complete without it."
        )
    else:
        console.print_message(console.printable(f"page: {path}"))


def _describe(
    found: Found, verdicts: Sequence[str], comparison: SeedsComparison | None
) -> SearchPage:
    from cifarcnn.cli.compare_seeds_page import list_accuracies
    from cifarcnn.page.comparison_page import Table
    from cifarcnn.page.search_page import SearchPage
    from cifarcnn.search.summary import find_importances

    keys = short_keys(found.space)
    trials = [trial for trial in found.trials if trial.state != "surplus"]
    by_number = {trial.number: trial.value for trial in trials}
    numbers = range(max(by_number, default=-1) + 1)
    importances = find_importances(found.study, found.trials)
    seeds = None
    if comparison is not None:
        names = [each.paths[0].name for each in comparison.configs]
        seeds = Table(["seed", *names], list(list_accuracies(comparison)))
    return SearchPage(
        title=f"The search for better settings of {found.space.base.name}",
        verdicts=verdicts,
        notes=[] if found.over else ["The search is not over."],
        accuracies=[by_number.get(number) for number in numbers],
        importances={keys[key]: share for key, share in importances.items()},
        trials=Table(
            ["trial", *keys.values(), "epochs", "accuracy", "state", "note"],
            [
                [*trial_row(trial, keys), trial.sentence]
                for trial in sorted(trials, key=_best_first)
            ],
            said=2,
        ),
        seeds=seeds,
        source=str(found.folder.path),
        links=dict(_list_reports(found, trials)),
    )


def _best_first(trial: SearchTrial) -> tuple[bool, float]:
    return trial.state != "finished", -(trial.value or 0.0)


def _list_reports(found: Found, trials: Sequence[SearchTrial]) -> list[tuple[str, str]]:
    """The page of each trial whose run is in this folder."""
    runs = {trial.number: found.folder.run_path(trial.number) for trial in trials}
    return [
        (str(number), f"{TRIALS}/{run.name}/{REPORT}")
        for number, run in runs.items()
        if (run / REPORT).exists()
    ]
