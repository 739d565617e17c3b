from __future__ import annotations

import sys

import pytest

from cifarcnn.cli.tables import format_table


def test_in_a_pipe_columns_are_aligned_by_spaces() -> None:
    text = format_table(
        ["class", "f1", "note"], [["cat", "0.5", ""], ["猫", "10.25", "x"]], numbers=1
    )
    assert text.splitlines() == [
        "class     f1  note",
        "cat      0.5",
        "猫     10.25  x",
    ]


def test_on_a_terminal_the_table_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    heading, rule, row = format_table(
        ["a", "b"], [["[red]x", "1"]], numbers=1
    ).splitlines()
    assert "─" in rule
    assert "[red]x" in row
    assert "\x1b" not in heading
