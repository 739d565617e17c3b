"""The page about a search: its course, which settings matter, and all trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from markupsafe import Markup

from cifarcnn.page.comparison_page import Table, render_numbered
from cifarcnn.page.plots import (
    Line,
    ParallelAxis,
    ParallelLine,
    draw_bars,
    draw_lines,
    draw_parallel,
)


@dataclass(frozen=True)
class SearchPage:
    """What the page is made from.

    Attributes:
        title: Of the page.
        verdicts: What came of it, a paragraph each.
        notes: What must be said about it, a sentence each.
        accuracies: On the validation images, 0 to 1, of each trial in the order of
            their numbers; ``None`` of those without.
        settings: What varied.
        tried: The values of each trial that has some, in the order of ``settings``.
        importances: Share of each setting, 0 to 1; nothing where it is not known.
        trials: All of them, the best first.
        seeds: The accuracies of the best with other seeds; ``None`` without.
        source: The folder.
        links: The page of a trial, by its number.
    """

    title: str
    verdicts: Sequence[str]
    notes: Sequence[str]
    accuracies: Sequence[float | None]
    settings: Sequence[ParallelAxis]
    tried: Sequence[ParallelLine]
    importances: Mapping[str, float]
    trials: Table
    seeds: Table | None
    source: str
    links: Mapping[str, str] = field(default_factory=dict)


def render_search(page: SearchPage) -> str:
    """The page, which needs nothing else."""
    titles = {}
    if any(each is not None for each in page.accuracies):
        titles["history"] = "The course of the search"
    if any(each.result is not None for each in page.tried):
        titles["settings"] = "Settings and accuracy"
    if page.importances:
        titles["importances"] = "Which settings matter"
    if page.seeds is not None:
        titles["seeds"] = "The best with other seeds"
    titles["trials"] = "All trials"
    return render_numbered(
        "search.html",
        page,
        titles,
        history=_draw_history(page.accuracies) if "history" in titles else None,
        settings=(
            draw_parallel(page.settings, page.tried, "validation accuracy")
            if "settings" in titles
            else None
        ),
        importances=draw_bars(
            list(page.importances), list(page.importances.values()), "importance"
        ),
    )


def _draw_history(accuracies: Sequence[float | None]) -> Markup:
    best = accumulate(accuracies, _better)
    lines = [
        Line("each trial", accuracies, first=0),
        Line("best so far", list(best), first=0),
    ]
    return draw_lines(lines, "validation accuracy", x_name="trial", percent=True)


def _better(before: float | None, after: float | None) -> float | None:
    known = [each for each in (before, after) if each is not None]
    return max(known, default=None)
