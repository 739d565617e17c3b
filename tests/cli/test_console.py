"""Whatever strangers call their files and classes, no terminal is sent orders."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.cli.console import (
    NativeOutput,
    print_message,
    print_raw,
    print_result,
    printable,
)
from cifarcnn.errors import RunError

# Clears the screen, sets the title, and turns the order of the letters round.
HOSTILE = "\x1b[2Jcat\x1b]0;owned\x07\x9b31m\u202eexe"
SHOWN = "?[2Jcat?]0;owned??31m?exe"


def test_nothing_that_steers_a_terminal_comes_through() -> None:
    assert printable("a\x1b[2Jb\nc") == "a?[2Jb?c"
    assert printable("caf\udce9") == "caf?"
    assert printable("猫 ü") == "猫 ü"
    assert printable(HOSTILE) == SHOWN


def test_line_ends_stay(capsys: pytest.CaptureFixture[str]) -> None:
    print_message(f"a\n{HOSTILE}\r")
    print_result(f"{HOSTILE}\nb")
    captured = capsys.readouterr()
    assert captured.err == f"a\n{SHOWN}?\n"
    assert captured.out == f"{SHOWN}\nb\n"


def test_a_pipe_gets_to_the_letter_what_programs_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_raw(HOSTILE)
    assert capsys.readouterr().out == f"{HOSTILE}\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_raw(HOSTILE)
    assert capsys.readouterr().out == f"{SHOWN}\n"


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A run with a class and a notice that are full of orders."""
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    path = run / "manifest.json"
    document = json.loads(path.read_text())
    names = document["origin"]["class_names"]
    document["origin"]["class_names"] = [f"{name}{HOSTILE}" for name in names]
    document["origin"]["data"]["notice"] = HOSTILE
    # As a run has it that was written before there was one.
    del document["sha256"]
    document["format"] = 1
    path.write_text(json.dumps(document))
    return run


@pytest.fixture
def image(tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / f"{HOSTILE}.png"
    Image.new("RGB", (32, 32), "red").save(path)
    return path


def is_harmless(text: str) -> bool:
    return all(sign.isprintable() or sign == "\n" for sign in text)


@pytest.mark.parametrize("layout", ["table", "json", "jsonl"])
def test_predict_shows_names_without_their_orders(
    run: Path, image: Path, layout: str, call: Callable[..., Any]
) -> None:
    gone = image.with_name(f"gone{HOSTILE}")
    ended = call("predict", image, gone, "--run", run, "--format", layout)
    assert ended.code == 1
    assert f"trained on {SHOWN}." in ended.err
    assert is_harmless(ended.out) and is_harmless(ended.err)
    if layout != "table":
        joined = ended.out.replace("}\n{", "},{")
        entries = json.loads(joined if layout == "json" else f"[{joined}]")
        assert [entry["image"] for entry in entries] == [str(image), str(gone)]
        assert entries[0]["label"].endswith(HOSTILE)


def test_csv_in_a_pipe_holds_the_names_as_they_are(
    run: Path, image: Path, call: Callable[..., Any]
) -> None:
    ended = call("predict", image, "--run", run, "--format", "csv")
    _, row = csv.reader(io.StringIO(ended.out))
    assert row[0] == str(image)
    assert row[1].endswith(HOSTILE)


@pytest.mark.skipif(os.name == "nt", reason="needs a terminal of Unix")
@pytest.mark.parametrize("layout", ["table", "csv"])
def test_a_real_terminal_is_sent_no_orders(run: Path, image: Path, layout: str) -> None:
    ours, theirs = os.openpty()
    arguments = ["predict", image, "--run", run, "--format", layout]
    with subprocess.Popen(
        [sys.executable, "-m", "cifarcnn", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        text = b""
        try:
            while piece := os.read(ours, 65536):
                text += piece
        except OSError:
            pass  # Linux says so when the last writer has gone.
        os.close(ours)
    assert process.returncode == 0
    shown = text.decode()
    assert "?[2Jcat" in shown
    assert is_harmless(shown.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "--run"],
        ["explain", "--class", HOSTILE, "a.png", "--run"],
    ],
)
def test_refusals_quote_names_without_their_orders(
    run: Path, arguments: list[str], call: Callable[..., Any]
) -> None:
    ended = call(*arguments, run)
    assert ended.code != 0 and ended.out == ""
    assert "?[2Jcat" in ended.err
    assert is_harmless(ended.err)


@pytest.mark.parametrize(
    "arguments",
    [
        [f"--{HOSTILE}"],
        [HOSTILE],
        ["check", HOSTILE],
        ["check", "article", "--set", HOSTILE],
        ["predict", "a.png", "--run", HOSTILE],
        ["predict", f"--{HOSTILE}", "a.png"],
        ["data", "import", HOSTILE],
        ["train", "--config", HOSTILE, "--debug"],
    ],
)
def test_mistakes_on_the_command_line_are_quoted_without_orders(
    arguments: list[str], call: Callable[..., Any]
) -> None:
    ended = call(*arguments)
    assert ended.code != 0 and ended.out == ""
    assert "]0;owned" in ended.err
    assert is_harmless(ended.err)


def test_a_config_cannot_steer_the_terminal(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text('"\\e[2Jcat": {a: "\\x9b31m"}\nname: "\\e]0;x\\a"\n')
    ended = call("check", path)
    assert ended.code == 2 and "[2Jcat" in ended.err
    assert is_harmless(ended.err)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_log_that_leads_elsewhere_is_not_written(tmp_path: Path, kind: str) -> None:
    log, outside = tmp_path / "log.txt", tmp_path / "outside"
    outside.write_text("mine\n")
    if kind == "link":
        log.symlink_to(outside)
    else:
        os.mkfifo(log)
    output = NativeOutput()
    with pytest.raises(RunError) as caught:
        output.move_to(log)
    output.close()
    assert str(caught.value) == (
        f"{log} is not a plain file. The files of a run are never links, folders or "
        "devices; put the file itself there."
    )
    assert outside.read_text() == "mine\n"
