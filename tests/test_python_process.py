"""Another Python process, and how it ended."""

from __future__ import annotations

import subprocess

import pytest

from cifarcnn.python_process import describe_end, python_command


def test_main_of_a_module_is_called_whatever_lies_in_the_working_folder(tmp_path):
    (tmp_path / "click.py").write_text("raise SystemExit('taken for another')")
    done = subprocess.run(
        [*python_command("cifarcnn.cli.main"), "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cifarcnn ")


@pytest.mark.parametrize(
    ("code", "text"), [(3, "exit code 3"), (-9, "SIGKILL"), (-999, "signal 999")]
)
def test_an_end_is_said(code, text):
    assert describe_end(code) == text
