"""The command line as a process: exit codes and streams."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from cifarcnn.cli.main import COMMANDS

WRONG = "training: {epochs: 0}\nmodel: {layers: [Flatten, Dense: 9]}\n"
COMMAND = [sys.executable, "-c", "from cifarcnn.cli.main import main; main()"]


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, **options
    )


def test_help_names_every_command_in_order() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.split("Commands:\n")[1].split("\n")
             if line.startswith("  ") and line[2] != " "]  # fmt: skip
    assert names == list(COMMANDS)
    assert run("-h").stdout == done.stdout


def test_the_version_is_that_of_the_package() -> None:
    done = run("--version")
    expected = f"cifarcnn {version('cifarcnn')}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


USAGE = (
    "Usage: cifarcnn [OPTIONS] COMMAND [ARGS]...\n"
    "Try 'cifarcnn --help' for help.\n\nError: "
)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("chek", "there is no command 'chek'; did you mean check?"),
        ("Train", "there is no command 'Train'; did you mean train?"),
        (
            "xyz",
            f"there is no command 'xyz'; known: {', '.join(sorted(COMMANDS))}",
        ),
    ],
)
def test_an_unknown_command_gets_a_suggestion(name: str, sentence: str) -> None:
    done = run(name, "article")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{USAGE}{sentence}\n"


def test_an_unknown_option_is_a_wrong_command_line() -> None:
    for arguments in (["--jsn"], ["check", "article", "--jsn"]):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--jsn" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_exit_codes_of_check(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG)
    right = run("check", "article", cwd=tmp_path)
    assert (right.returncode, right.stderr) == (0, "")
    wrong = run("check", "wrong.yaml", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.endswith("wrong.yaml: 2 problems\n")


def test_a_failure_that_is_no_wrong_command_line_is_1(tmp_path: Path) -> None:
    done = run("predict", "x.png", "--run", "nowhere", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")


DEBUG = """
import sys
from cifarcnn.cli import main, schema
def fail(*_): raise KeyError("a fault")
schema.print_raw = fail
sys.argv = ["cifarcnn", *{arguments!r}]
main.main()
"""


@pytest.mark.parametrize("arguments", [["schema", "--debug"], ["--debug", "schema"]])
def test_debug_shows_the_traceback_before_or_after_the_command(
    arguments: list[str],
) -> None:
    script = DEBUG.format(arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "KeyError: 'a fault'" in done.stderr


def test_without_debug_a_fault_is_two_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEBUG.format(arguments=["schema"])],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: KeyError: 'a fault'\n"
        "This is a fault of cifarcnn itself; --debug shows where it happened.\n"
    )


def test_debug_shows_where_a_users_mistake_was_found(tmp_path: Path) -> None:
    done = run("train", "--config", "nothing.yaml", "--debug", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.endswith("error: there is no file 'nothing.yaml'\n")


def test_without_any_standard_output_there_is_no_traceback() -> None:
    script = "import os, sys; os.close(1); os.execv(sys.executable, sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", script, *COMMAND, "schema"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_ends_a_command_with_130(tmp_path: Path) -> None:
    fifo = tmp_path / "never.yaml"
    script = (
        "import sys, time\n"
        "from cifarcnn.cli import check, main\n"
        "def wait(*_, **__):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(30)\n"
        "check.check_config = wait\n"
        f"sys.argv = ['cifarcnn', 'check', {str(fifo)!r}]\n"
        "main.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (130, "interrupted")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses such names")
def test_a_file_name_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/a\xff.yaml"
    Path(os.fsdecode(name)).write_text("model: {layers: [Flatten, Dense: 10]}\n")
    for environment in ({}, {"PYTHONIOENCODING": "ascii"}):
        done = run("check", os.fsdecode(name), env={**os.environ, **environment})
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[0].endswith(r"a?.yaml: no problems")
