from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cifarcnn.cli import console, progress
from cifarcnn.engine import Device
from cifarcnn.training.diagnosis import Finding
from cifarcnn.training.observer import EpochRecord, Outcome, Plan

PLAN = Plan(
    epochs=3,
    steps_per_epoch=2,
    batch_size=32,
    training_images=50,
    validation_images=10,
    parameters=1234,
    class_count=10,
)
RECORD = EpochRecord(1, 1.5, 0.5, 1.25, 0.625, 0.001, 65.0, 1234.4)
BARE = EpochRecord(1, 1.5, 0.5, None, None, 0.001, 4.25, 1234.4)


class Terminal(io.StringIO):
    """Remembers what is written to it, and calls itself a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(console, "real_stderr", lambda: stream)
    return stream


def outcome(*records: EpochRecord, **changes: object) -> Outcome:
    values: dict[str, object] = {
        "run": Path("runs/tiny-1"),
        "records": records,
        "best": records[0],
        "weights": "best",
        "stopped_early": False,
        "duration_seconds": 4.25,
        "diagnosis": (),
    }
    return Outcome(**{**values, **changes})  # type: ignore[arg-type]


def test_an_epoch_is_one_line():
    assert progress.describe_epoch(RECORD, PLAN) == (
        "epoch 1/3: loss 1.5000, accuracy 50.00%, validation loss 1.2500, validation "
        "accuracy 62.50%, 1,234 pictures/s, 1 min 05 s"
    )
    assert progress.describe_epoch(BARE, PLAN) == (
        "epoch 1/3: loss 1.5000, accuracy 50.00%, 1,234 pictures/s, 4.2 s"
    )


def test_the_end_gives_validation_figures_the_run_and_the_next_commands():
    last = EpochRecord(2, 1.0, 0.7, 1.5, 0.5, 0.001, 1.0, 1.0)
    ended = outcome(
        RECORD, last, diagnosis=(Finding("It learns by heart.", "- Flatten"),)
    )
    assert progress.describe_outcome(ended) == [
        "trained: 2 epochs in 4.2 s",
        "validation accuracy 62.50%, loss 1.2500 (epoch 1, the best of 2)",
        "note: It learns by heart. Try next: - Flatten",
        "next:",
        "  cifarcnn evaluate --run runs/tiny-1",
        "  cifarcnn predict photo.png --run runs/tiny-1",
    ]


def test_the_end_without_validation_says_so():
    ended = outcome(BARE, weights="last", stopped_early=True, run=Path("my run"))
    assert progress.describe_outcome(ended) == [
        "trained: 1 epoch in 4.2 s, stopped early",
        "training accuracy 50.00%, loss 1.5000 (epoch 1, the last of 1); no pictures "
        "were kept for validation",
        "next:",
        "  cifarcnn evaluate --run 'my run'",
        "  cifarcnn predict photo.png --run 'my run'",
    ]


def test_a_note_on_the_device_is_passed_on(capsys: pytest.CaptureFixture[str]):
    logged: list[str] = []
    display = progress.LineDisplay(logged.append, lambda path: None)
    display.device_started(Device("cpu", "cpu (X)", 2, {}, "The GPU is not used."))
    assert logged == ["device: cpu (X)", "note: The GPU is not used."]
    assert capsys.readouterr().err == "device: cpu (X)\nnote: The GPU is not used.\n"


def test_without_a_terminal_steps_say_nothing(capsys: pytest.CaptureFixture[str]):
    with progress.open_display(lambda text: None, lambda path: None) as display:
        assert type(display) is progress.LineDisplay
        display.training_started(PLAN)
        display.batch_ended(1, 1, {"loss": 1.5, "accuracy": 0.5})
        display.epoch_ended(RECORD)
    assert capsys.readouterr().err.splitlines() == [
        "network: 1,234 parameters, 10 classes; 50 pictures to learn from, 10 for "
        "validation",
        progress.describe_epoch(RECORD, PLAN),
    ]


def test_features_are_told_of_now_and_then_and_at_their_end(capsys, monkeypatch):
    lines: list[str] = []
    display = progress.LineDisplay(lines.append, lambda path: None)
    display.noted("the features are computed once.")
    display.features_computed(64, 1500, 50.0)
    assert lines == ["note: the features are computed once."]
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    display.features_computed(1280, 1500, 51.6)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 1e9)
    display.features_computed(1500, 1500, 52.0)
    assert lines[1:] == [
        "computing features: 1,280 of 1,500, 52 pictures/s",
        "computing features: 1,500 of 1,500, 52 pictures/s",
    ]
    assert capsys.readouterr().err.splitlines() == lines


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_compilation_that_takes_long_is_told_of_in_lines(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS_BEFORE_LINE", 0.01)
    logged: list[str] = []
    with progress.LineDisplay(logged.append, lambda path: None) as display:
        display.compilation_started()
        wait_until(lambda: bool(logged))
        display.compilation_ended(14.24)
    lines = ["compiling the training ...", "compiled in 14.2 s"]
    assert logged == capsys.readouterr().err.splitlines() == lines


def test_a_short_compilation_says_nothing_in_lines(capsys):
    threads = threading.active_count()
    with progress.LineDisplay(print, lambda path: None) as display:
        display.compilation_started()
        display.compilation_ended(1.9)
        assert threading.active_count() == threads
    assert capsys.readouterr() == ("", "")


def test_a_compilation_that_fails_leaves_no_clock_behind(capsys):
    threads = threading.active_count()
    with (
        pytest.raises(ZeroDivisionError),
        progress.LineDisplay(print, lambda path: None) as display,
    ):
        display.compilation_started()
        raise ZeroDivisionError
    assert threading.active_count() == threads
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_clock_while_it_compiles(terminal):
    with progress.open_display(lambda text: None, lambda path: None) as display:
        display.training_started(PLAN)
        display.compilation_started()
        # Drawn by a thread, while this one does nothing for the display.
        wait_until(lambda: "compiling, 1 s" in terminal.getvalue())
        wait_until(lambda: "compiling, 2 s" in terminal.getvalue())
        display.compilation_ended(2.0)
        before = len(terminal.getvalue())
        display.batch_ended(1, 1, {"loss": 1.5, "accuracy": 0.5})
        display.batch_ended(1, 2, {"loss": 1.5, "accuracy": 0.5})
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert shown.count("compiled in 2.0 s") == 1
    assert "compiling, 0 s" not in shown
    assert "compiling" not in terminal.getvalue()[before:]


def test_a_terminal_without_control_codes_gets_lines(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    display = progress.open_display(lambda text: None, lambda path: None)
    assert type(display) is progress.LineDisplay


def test_a_terminal_gets_two_bars_with_figures_and_time_left(terminal):
    with progress.open_display(lambda text: None, lambda path: None) as display:
        display.training_started(PLAN)
        for epoch in (1, 2, 3):
            for step in (1, 2):
                display.batch_ended(epoch, step, {"loss": 1.5, "accuracy": 0.5})
            display.epoch_ended(RECORD)
        display.training_ended(outcome(RECORD))
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert "epoch 1/3" in shown
    assert re.search(r"epoch 3/3 +\S+ 2/2 +0:00:00 left|epoch 3/3 .*2/2", shown)
    assert re.search(r"whole training .*6/6", shown)
    assert re.search(r"epoch 3/3 .* left +loss 1\.5000 +accuracy 50\.00%", shown)
    assert re.search(r"whole training .* left +[\d,]+ pictures/s", shown)
    assert shown.count(progress.describe_epoch(RECORD, PLAN)) == 3
    assert shown.rstrip().endswith("cifarcnn predict photo.png --run runs/tiny-1")


def test_eighty_columns_show_every_figure_of_a_long_training(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    long = replace(PLAN, epochs=100, steps_per_epoch=1563)
    with progress.open_display(lambda text: None, lambda path: None) as display:
        display.training_started(long)
        for step in (1, 1563):
            display.batch_ended(100, step, {"loss": 1.5, "accuracy": 0.5})
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    *_, epoch, whole = [line for line in shown.splitlines() if " left" in line]
    assert re.fullmatch(
        r"epoch 100/100  \S+ 1563/1563 +\S+ left loss 1\.5000  accuracy 50\.00%", epoch
    )
    assert re.fullmatch(
        r"whole training \S+ 156300/156300 \S+ left [\d,]+ pictures/s *", whole
    )
    assert len(epoch) <= 80


def test_a_failure_leaves_the_terminal_clean(terminal):
    with (
        pytest.raises(ZeroDivisionError),
        progress.open_display(lambda text: None, lambda path: None) as display,
    ):
        display.training_started(PLAN)
        raise ZeroDivisionError
    # The cursor was hidden, and is shown again.
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().index(
        "\x1b[?25l"
    )
