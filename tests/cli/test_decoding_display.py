"""What is shown while pictures are decoded."""

from __future__ import annotations

import pytest

from cifarcnn.cli.decoding_display import (
    DecodingDisplay,
    decoding_shown,
    describe_progress,
)
from cifarcnn.data.decoding.observer import current_observer


def test_two_lines_without_a_terminal(capsys):
    with decoding_shown():
        observer = current_observer()
        observer.images_decoded(3_900, 100_000, 1.0)
        observer.images_decoded(50_000, 100_000, 12.5)
        observer.images_decoded(100_000, 100_000, 25.0)
        observer.noted("something")
    assert capsys.readouterr().err == (
        "decoding 100,000 pictures ...\n"
        "decoded: 100,000 pictures in 25.0 s, 4,000 pictures/s\n"
        "note: something\n"
    )
    assert type(current_observer()).__name__ == "DecodingObserver"


@pytest.mark.parametrize("columns", ["60", "100"])
def test_a_bar_on_a_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", columns)
    lines: list[str] = []
    display = DecodingDisplay(lines.append)
    display.images_decoded(3_900, 100_000, 1.0)
    display.images_decoded(50_000, 100_000, 12.5)
    display.images_decoded(100_000, 100_000, 25.0)
    shown = capsys.readouterr().err
    assert "decoding" in shown and "4,000 pictures/s" in shown.replace("\n", "")
    assert lines == ["decoded: 100,000 pictures in 25.0 s, 4,000 pictures/s"]
    display.close()


def test_the_figures():
    assert describe_progress(3_900, 100_000, 1.0) == (
        "3,900 of 100,000 pictures, 3,900 pictures/s, 24.6 s left"
    )
