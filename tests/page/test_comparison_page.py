from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.page.comparison_page import (
    ComparisonPage,
    Curves,
    Disagreements,
    Table,
    render_comparison,
)
from cifarcnn.page.plots import ShownImage
from cifarcnn.runs.history import EpochRecord

LONG = "runs/" + "a-name-of-a-run-that-says-all-of-its-settings-" * 4


def records(count: int, val_loss: float | None) -> list[EpochRecord]:
    return [
        EpochRecord(number, 1 / number, 0.1, val_loss, val_loss, 0.1, 1.0, 9.0)
        for number in range(1, count + 1)
    ]


@pytest.fixture
def page() -> ComparisonPage:
    """Five runs with a <strange> class, of which one is longer than the others."""
    numbers = [f"{number}" for number in range(1, 6)]
    pixels = np.random.default_rng(3).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    words = ("red <b>&", *(f"{number}: mountain_bike_for_two" for number in numbers))
    return ComparisonPage(
        title="5 trained networks side by side",
        verdicts=[f"{LONG} is better."],
        notes=["A trial."],
        figures=Table(["", "loss", "run"], [[n, "0.5", LONG] for n in numbers], said=1),
        differences=Table(["value", *numbers], [["name", *["a" * 90] * 5]], said=5),
        curves=[Curves(f"{n} {LONG}", records(int(n) * 9, 0.5)) for n in numbers],
        disagreements=Disagreements(
            [ShownImage(pixels, words)] * 30,
            Table(["picture", "label", *numbers], [["7", *words]] * 30, said=6),
            1234, 5000, "validation",
        ),
    )  # fmt: skip


def test_it_needs_nothing_else_and_names_stay_text(page: ComparisonPage) -> None:
    text = render_comparison(page)
    assert len(text) < 3_000_000
    assert re.findall(r'(?:src|href)="(?!#|data:image/)[^"]*"', text) == []
    assert "<b>&" not in text and "red &lt;b&gt;&amp;" in text
    assert "Here are the first 30; the 1,204 more are in" in text
    found = re.findall(r'<section class="part" id="(\w+)"', text)
    assert found == ["figures", "differences", "curves", "disagreements"]
    assert re.findall(r'aria-label="([a-z ]+) by epoch', text) == [
        "validation loss", "validation accuracy", "training loss", "training accuracy",
    ]  # fmt: skip


def test_what_there_is_not_is_left_out_or_said(page: ComparisonPage) -> None:
    bare = replace(
        page,
        differences=Table(["value", "1", "2"], []),
        curves=[Curves("1", records(2, None))] * 40,
        disagreements=Disagreements([], Table([], []), 0, 9, "test"),
    )
    text = render_comparison(bare)
    assert "The configs do not differ but in their names." in text
    assert "The runs say the same of all 9 test pictures." in text
    assert "10 more are not drawn." in text
    assert "validation loss by epoch" not in text


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    open_page: Callable[..., Any],
    page: ComparisonPage,
    tmp_path: Path,
    scheme: str,
    width: int,
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    path = tmp_path / "compared.html"
    path.write_text(render_comparison(page))
    shown = open_page(path, width, color_scheme=scheme)
    shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(shown).response["violations"]
    assert [(entry["impact"], entry["id"]) for entry in found] == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    # No name stands one letter a line.
    tall = "Math.max(...[...document.querySelectorAll('tr')].map(r => r.offsetHeight))"
    assert shown.evaluate(tall) < 900
    # By the keyboard: to the first part, the parts, and into what is wider than shown.
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "To the first part"
    for _ in range(5):
        shown.keyboard.press("Tab")
    label = "document.activeElement.getAttribute('aria-label')"
    assert shown.evaluate(label) == "What each costs and achieves"
