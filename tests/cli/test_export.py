"""``cifarcnn export``: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Call = Callable[..., Any]


@pytest.fixture
def export(
    call: Call, trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Call:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: call("export", "--run", trained_run, *arguments)


def test_a_table_the_difference_and_the_path_last(export: Call) -> None:
    done = export("--format", "litert")
    assert (done.code, done.err) == (0, "")
    head, network, file, difference, loaded, example, path = done.out.splitlines()
    assert head.split() == ["size", "pictures/s", "accuracy"]
    assert network.split()[:3] == ["network", "0.01", "MB"]
    assert file.split()[::3] == ["small-1.tflite", file.split()[3]]
    assert network.split()[-1] == file.split()[-1]
    assert difference.startswith("largest difference of a probability ")
    assert difference.endswith(
        " (at most 0.0001); the same label for 1,000 of 1,000 validation pictures"
    )
    assert loaded.startswith("loaded in 0.")
    assert example == "example: python small-1-tflite-example.py photo.png"
    assert path == "small-1.tflite" and Path(path).is_file()


def test_a_page_needs_no_example(export: Call) -> None:
    done = export("--format", "web")
    assert done.code == 0
    assert done.err.startswith("note: the JavaScript of the page was ")
    lines = done.out.splitlines()
    assert lines[2].split()[0] == "small-1.html"
    assert lines[2].split()[-1] == lines[1].split()[-1]
    assert lines[3].startswith("largest difference of a probability ")
    assert not [line for line in lines if line.startswith("example: ")]
    assert lines[-1] == "small-1.html"
    assert [path.name for path in Path().iterdir()] == ["small-1.html"]


def test_one_json_document(export: Call, trained_run: Path) -> None:
    done = export("--format", "onnx", "--out", "net.onnx", "--json")
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    figures = {"bytes", "pictures_per_second", "accuracy"}
    assert set(document.pop("file")) == set(document.pop("network")) == figures
    for name in ("largest_difference", "mean_difference", "load_seconds"):
        assert document.pop(name) > 0
    assert document == {
        "run": str(trained_run),
        "path": "net.onnx",
        "example": "net-onnx-example.py",
        "format": "onnx",
        "precision": "float32",
        "examples": 1_000,
        "examples_from": "validation pictures",
        "tolerance": 1e-4,
        "labels_agreeing": 1_000,
        "notes": [],
        "warning": None,
    }


def test_what_is_wrong_is_said_at_once(
    export: Call, call: Call, trained_run: Path
) -> None:
    Path("net.keras").touch()
    done = export("--format", "keras", "--out", "net.keras")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: net.keras exists already, and nothing is replaced. Name another place "
        "with --out, or move it away first. net-keras-example.py, which an export "
        "writes last, is not beside it: perhaps one was killed just before.\n"
    )
    done = export("--format", "tfjs")
    assert done.code == 2 and "'tfjs' is not one of 'saved_model'" in done.err
    shutil.copytree(trained_run, "cut")
    Path("cut/metrics.json").unlink()
    done = call("export", "--run", "cut", "--format", "litert")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: cut is unfinished: ")


def test_of_a_trial_it_is_said(export: Call, call: Call, trained_run: Path) -> None:
    shutil.copytree(trained_run, "trial")
    metrics = Path("trial/metrics.json")
    metrics.write_text(metrics.read_text().replace('"smoke": false', '"smoke": true'))
    done = call("export", "--run", "trial", "--format", "litert")
    assert (done.code, done.err) == (
        0,
        "warning: trial is a trial on few pictures (--smoke). Its network has hardly "
        "learnt anything.\n",
    )


@pytest.mark.skipif(os.name != "posix", reason="has another shell")
@pytest.mark.parametrize(
    "name",
    ["my nets/it's", "-v", '-"a"', "$HOME `ls` $(ls)", "a;b & c|d", "*?[x]~!#", "ä\\n"],
)
def test_the_command_of_the_example_runs_in_a_shell(tmp_path: Path, name: str) -> None:
    from cifarcnn.cli.export import _describe
    from cifarcnn.export.exported import Exported, Figures

    figures = Figures(1_000, 1.0, None)
    example = Path(f"{name}-example.py")
    (tmp_path / example).parent.mkdir(exist_ok=True)
    (tmp_path / example).write_text("import sys\nprint(sys.argv)")
    found = Exported(
        Path(name), example, "saved_model", "float32", 1, "pictures",
        *(0.0, 0.0, 1e-4), 1, 0.1, figures, figures, (), None,
    )  # fmt: skip
    (line,) = (each for each in _describe(found).splitlines() if "example:" in each)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    done = subprocess.run(
        ["sh", "-c", line.removeprefix("example: ")],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    shown = f"./{example}" if name.startswith("-") else str(example)
    assert done.stdout == f"{[shown, 'photo.png']}\n", done.stderr
