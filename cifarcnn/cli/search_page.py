"""``search.html``: what a search came to, as a page in its folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cifarcnn.cli import console
from cifarcnn.cli.searching import Found
from cifarcnn.cli.trial_text import SettingNames, name_settings, trial_row
from cifarcnn.config.search_space import Choices, SearchSpace
from cifarcnn.runs.folder import REPORT
from cifarcnn.runs.safe_io import write_file
from cifarcnn.search.folder import PAGE, TRIALS
from cifarcnn.search.trials import SearchTrial

if TYPE_CHECKING:
    from cifarcnn.page.plots import ParallelAxis, ParallelLine
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

    names = name_settings(found.space)
    trials = [trial for trial in found.trials if trial.state != "surplus"]
    by_number = {trial.number: trial.value for trial in trials}
    numbers = range(max(by_number, default=-1) + 1)
    importances = find_importances(found.study, found.trials)
    seeds = None
    if comparison is not None:
        configs = [each.paths[0].name for each in comparison.configs]
        seeds = Table(["seed", *configs], list(list_accuracies(comparison)))
    return SearchPage(
        title=f"The search for better settings of {found.space.base.name}",
        verdicts=verdicts,
        notes=[] if found.over else ["The search is not over."],
        accuracies=[by_number.get(number) for number in numbers],
        settings=[_to_axis(found.space, key, names) for key in names.keys],
        tried=[*_list_lines(found.space, trials)],
        importances={names.keys[key]: share for key, share in importances.items()},
        trials=Table(
            ["trial", *names.keys.values(), "epochs", "accuracy", "state", "note"],
            [
                [*trial_row(trial, names), trial.sentence]
                for trial in sorted(trials, key=_best_first)
            ],
            said=2,
        ),
        seeds=seeds,
        source=str(found.folder.path),
        links=dict(_list_reports(found, trials)),
    )


def _to_axis(space: SearchSpace, key: str, names: SettingNames) -> ParallelAxis:
    from cifarcnn.page.plots import ParallelAxis

    setting = {each.key: each for each in space.parameters}[key]
    name = names.keys[key]
    if isinstance(setting, Choices):
        shown = [names.show(key, choice) for choice in setting.choices]
        return ParallelAxis(name, 0, len(shown) - 1, choices=shown)
    return ParallelAxis(
        name, setting.low, setting.high, setting.log, setting.is_integer
    )


def _list_lines(
    space: SearchSpace, trials: Sequence[SearchTrial]
) -> Iterator[ParallelLine]:
    from cifarcnn.page.plots import ParallelLine

    for trial in trials:
        if params := trial.newest.params:
            values = [
                setting.choices.index(params[setting.key])
                if isinstance(setting, Choices)
                else params[setting.key]
                for setting in space.parameters
                if setting.key in params
            ]
            if len(values) == len(space.parameters):
                yield ParallelLine(values, trial.value)


def _best_first(trial: SearchTrial) -> tuple[bool, float]:
    return trial.state != "finished", -(trial.value or 0.0)


def _list_reports(found: Found, trials: Sequence[SearchTrial]) -> list[tuple[str, str]]:
    """The page of each trial whose run is in this folder."""
    folder = found.folder
    runs = {each.number: folder.run_path(each.number, each.place) for each in trials}
    return [
        (str(number), f"{TRIALS}/{run.name}/{REPORT}")
        for number, run in runs.items()
        if (run / REPORT).exists()
    ]
