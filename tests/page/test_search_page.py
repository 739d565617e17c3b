"""The page about a search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.page.comparison_page import Table
from cifarcnn.page.plots import ParallelAxis, ParallelLine
from cifarcnn.page.search_page import SearchPage, render_search

PAGE = SearchPage(
    title="The search for better settings of <tiny>",
    verdicts=["best: trial 2"],
    notes=["The search is not over."],
    accuracies=[0.5, None, 0.7, 0.6],
    settings=[
        ParallelAxis("learning_rate", 1e-4, 1e-1, logarithmic=True),
        ParallelAxis("batch_size", 16, 128, is_whole=True),
        ParallelAxis(
            "layers[5]", 0, 1, choices=["MaxPooling2D", "Conv2D + BatchNormalization"]
        ),
    ],
    tried=[
        ParallelLine([0.001, 16, 0], 0.5),
        ParallelLine([0.1, 64, 1], None),
        ParallelLine([0.01, 128, 1], 0.7),
        ParallelLine([0.0001, 32, 0], 0.6),
    ],
    importances={"learning_rate": 0.8, "batch_size": 0.2},
    trials=Table(
        ["trial", "learning_rate", "epochs", "accuracy", "state", "note"],
        [
            ["2", "0.01", "3", "70.00%", "finished", ""],
            ["1", "1000", "", "", "diverged", "the loss is not finite"],
        ],
        said=2,
    ),
    seeds=Table(["seed", "start", "0002"], [["1", "60.00%", "70.00%"]]),
    source="runs/tiny-search-1",
    links={"2": "trials/0002/report.html"},
)


def test_it_shows_the_course_the_importances_the_seeds_and_all_trials():
    html = render_search(PAGE)
    for part in (
        "The course of the search",
        "Which settings matter",
        "The best with other seeds",
        "All trials",
        "Settings and accuracy",
        "4 trials as lines over 3 settings, validation accuracy from 50.0% to 70.0%; "
        "the best: learning_rate 0.01, batch_size 128, layers[5] Conv2D + "
        "BatchNormalization",
        '<a href="trials/0002/report.html">2</a>',
        "the loss is not finite",
        "The search is not over.",
        "learning_rate 80",
    ):
        assert part in html
    assert "<tiny>" not in html and "&lt;tiny&gt;" in html
    # The best so far stays where a trial has no accuracy, and where it is worse.
    assert "best so far: from 50.0% to 70.0%, lowest 50.0%, highest 70.0%" in html
    assert "each trial: from 50.0% to 60.0%" in html


def test_parts_that_have_nothing_to_say_are_left_out():
    html = render_search(
        replace(PAGE, accuracies=[None, None], tried=[], importances={}, seeds=None)
    )
    assert "The course of the search" not in html
    assert "Settings and accuracy" not in html
    assert "Which settings matter" not in html
    assert "The best with other seeds" not in html
    assert "All trials" in html


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    open_page: Callable[..., Any], tmp_path: Path, scheme: str, width: int
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    path = tmp_path / "search.html"
    path.write_text(render_search(PAGE))
    shown = open_page(path, width, color_scheme=scheme)
    found = axe.Axe().run(shown).response["violations"]
    assert [(entry["impact"], entry["id"]) for entry in found] == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
