from __future__ import annotations

import sys

import pytest

from cifarcnn.cli.tables import format_records, format_table


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


ROWS = [
    ["a-run-with-a-long-name-12", "62.50%", "3/3", "finished"],
    ["猫-1", "", "", "stopped, 3 seeds: 1 finished, 2 not begun"],
]


@pytest.mark.parametrize("width", [20, 40, 60, 85, 86, 90, 91, 200])
def test_on_a_narrow_terminal_nothing_is_cut(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    text = format_records(["run", "accuracy", "epochs", "state"], ROWS, numbers=2)
    for row in ROWS:
        for cell in row:
            assert cell in text
    # 25 + 8 + 6 + 41 cells, and what lies between.
    assert ("─" in text) is (width >= 91)
    if width < 86:
        lines = text.splitlines()
        assert lines[0] == "a-run-with-a-long-name-12"
        assert lines[-2] == "猫-1"
        longest = "  state stopped, 3 seeds: 1 finished, 2 not begun"
        assert lines[-1] == longest
        assert all(len(line) <= max(width, len(longest)) for line in lines)
    else:
        assert len(text.splitlines()) == (4 if width >= 91 else 3)


def test_a_paragraph_breaks_between_two_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "29")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    headings = ["run", "accuracy", "epochs", "state"]
    assert format_records(headings, ROWS[:1], numbers=2).splitlines() == [
        "a-run-with-a-long-name-12",
        "  accuracy 62.50%,",
        "  epochs 3/3, state finished",
    ]


def test_in_a_pipe_the_width_of_a_terminal_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    lines = format_records(
        ["run", "accuracy", "epochs", "state"], ROWS, numbers=2
    ).splitlines()
    assert lines[1].startswith("a-run-with-a-long-name-12    62.50%     3/3  finished")
    assert len(lines) == 3
