"""What is shown while a command works, on a real terminal and elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import time
from cifarcnn.cli import console
from cifarcnn.cli.activity import activity
with console.native_output():
    with activity("judging " + "runs/a-1 " * 20, shown={shown}):
        time.sleep(0.3)
    console.print_message("done")
"""


def run_on_terminal(shown: bool) -> str:
    """What the script writes to standard error, a terminal 40 columns wide."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "40"}
    script = [sys.executable, "-c", SCRIPT.format(shown=shown)]
    with subprocess.Popen(script, stderr=theirs, env=environment) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # Linux says so at the end.
                break
            if not piece:
                break
            text += piece
    os.close(ours)
    assert process.returncode == 0
    return text.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such terminals")
def test_a_terminal_shows_one_line_which_goes_again() -> None:
    text = run_on_terminal(shown=True)
    assert "judging runs/a-1" in text and "…" in text and "0:00:00" in text
    # Cleared, then the message alone.
    assert text.endswith("\x1b[2Kdone\r\n")
    assert "\n" not in text.partition("0:00:00")[0]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such terminals")
def test_with_json_nothing_is_shown_on_a_terminal() -> None:
    assert run_on_terminal(shown=False) == "done\r\n"


def test_nothing_is_shown_in_a_pipe() -> None:
    script = [sys.executable, "-c", SCRIPT.format(shown=True)]
    done = subprocess.run(script, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "done\n")
