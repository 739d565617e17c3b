"""Typos that the parser tells elsewhere, told at their own place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cifarcnn.config import load_config

if TYPE_CHECKING:
    from conftest import Check

HEAD = "model:\n  layers:\n"
SPACE = "write an ordinary space"
DASH = "write an ordinary hyphen: -"
# The text, line and column of the typo, the hint.
SLIPS = {
    "an indentation of no-break spaces": (
        f"{HEAD}\u00a0\u00a0\u00a0\u00a0- Flatten\n    - Dense: 10\n", 3, 1, SPACE),
    "one in the middle of a list": (
        f"{HEAD}    - Flatten\n  \u00a0 - Dense: 10\n", 4, 3, SPACE),
    "a thin space after a hyphen": (
        f"{HEAD}    - Flatten\n    -\u2009Dense: 10\n", 4, 6, SPACE),
    "an ideographic space": (
        f"{HEAD}    - Flatten\n    -\u3000Dense: 10\n", 4, 6, SPACE),
    "a dash for a hyphen": (
        f"{HEAD}    - Flatten\n    \u2013 Dense: 10\n", 4, 5, DASH),
    "dashes alone": (f"{HEAD}    \u2014 Flatten\n    \u2014 Dense: 10\n", 3, 5, DASH),
    "a typographic hyphen": (
        f"{HEAD}    - Flatten\n    \u2010 Dense: 10\n", 4, 5, DASH),
    "a zero width space": (
        f"\u200bname: x\n{HEAD}    - Flatten\n    - Dense: 10\n", 1, 1, "remove it"),
    "no space after a colon": (
        f"{HEAD}    - Flatten\n    - Dense: 10\ntraining:\n  epochs:3\n  seed: 1\n",
        6, 9, "write epochs: 3"),
    "no space after the colon of a name": (f"name:x\n{HEAD}    - Flatten\n", 1, 5,
                                           "write name: x"),
    "no space after a hyphen": (f"{HEAD}    -Flatten\n    -Dense: 10\n", 4, 5,
                                "write - Dense: 10"),
    "a brace that is never closed": (
        f"{HEAD}    - Conv2D: {{filters: 8, kernel_size: 3\n    - Flatten\n", 3, 15,
        "close it with }"),
    "a bracket closed by a brace": (
        f"{HEAD}    - Conv2D: {{filters: 8, kernel_size: [3, 3}}\n    - Flatten\n",
        3, 41, "close it with ]"),
    "a bracket before the next section": (
        "model:\n  layers: [Flatten, Dense: 10\ntraining: {epochs: 3}\n", 2, 11,
        "close it with ]"),
    "a bracket over many lines": (
        "model:\n  layers: [\n    Flatten, # [\n    Dense: 3\n\ntraining:\n  seed: 3\n",
        2, 11, "close it with ]"),
    "a brace too much": (
        f"{HEAD}    - Dropout: {{rate: 0.5}}}}\n    - Flatten\n", 3, 27, "remove it"),
    "a layer twice in a mapping": (
        f"{HEAD}    Dense: 4\n    Dense: 10\n", 4, 5, "begin every item with '- '"),
    "two layers in one item": (
        f"{HEAD}    - Dense: 4\n      Dense: 5\n    - Dense: 10\n", 4, 7,
        "begin every item with '- '"),
    "an argument twice": (
        f"{HEAD}    - Dense: {{units: 4, units: 5}}\n", 3, 25, "keep one of them"),
    "a class twice": (
        f"{HEAD}    - Dense: 10\ntraining: {{class_weights: {{Cat: 1, Cat: 2}}}}\n",
        4, 36, "keep one of them"),
}  # fmt: skip


@pytest.mark.parametrize("case", SLIPS)
def test_a_slip_is_told_at_its_own_place(case: str, check: Check) -> None:
    text, line, column, hint = SLIPS[case]
    (problem,) = check(text).problems
    assert (problem.line, problem.column, problem.hint) == (line, column, hint)


def test_an_odd_character_is_named(check: Check) -> None:
    text = f"{HEAD}    - Flatten\n    - Dense:\u00a010\n"
    (problem,) = check(text).problems
    assert problem.message == "the character U+00A0 (no-break space) stands here"
    assert (problem.line, problem.column) == (4, 13)


def test_odd_characters_in_texts_and_comments_are_nobodys_business(
    check: Check,
) -> None:
    text = (
        "# \u201cPets\u201d \u2013 \u00a0 my own\n"
        "data: {dataset: folder, path: 'a\u00a0b', classes: [r\u2013t, c\u00a0x]}\n"
        f"{HEAD}    - Flatten\n    - Dense: 2\n"
    )
    assert check(text).problems == ()
    assert load_config("c.yaml").data.path == "a\u00a0b"
    # Nor are they where the typo is another one.
    (problem,) = check(text.replace("- Flatten", "- Flaten")).problems
    assert problem.hint == "did you mean Flatten?"
