"""What is asked for is checked before the framework is started."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.errors import RunError, UsageError
from cifarcnn.export.packages import require_packages
from cifarcnn.export.request import check_request
from cifarcnn.runs import Run

pytestmark = pytest.mark.slow


def refusal(error: type[Exception], *arguments: Any) -> str:
    with pytest.raises(error) as caught:
        check_request(*arguments)
    return str(caught.value)


def test_a_place_that_is_taken_or_wrong_is_refused(
    trained_run: Path, tmp_path: Path
) -> None:
    run = Run.open(trained_run)
    taken = tmp_path / "net.keras"
    taken.touch()
    assert refusal(UsageError, run, taken, "keras", "float32") == (
        f"{taken} exists already, and nothing is replaced. Name another place with "
        "--out, or move it away first. net-keras-example.py, which an export writes "
        "last, is not beside it: perhaps one was killed just before."
    )
    example = tmp_path / "other-keras-example.py"
    example.touch()
    assert refusal(
        UsageError, run, tmp_path / "other.keras", "keras", "float32"
    ).startswith(f"{example} exists already")
    assert refusal(UsageError, run, tmp_path / "net", "onnx", "float32") == (
        f"{tmp_path}/net does not end in .onnx, as the name of such a file does: --out "
        f"{tmp_path}/net.onnx."
    )
    assert refusal(UsageError, run, tmp_path / "a/b.onnx", "onnx", "float32") == (
        f"There is no folder {tmp_path}/a to put b.onnx in. Make it first, or name "
        "another place with --out."
    )
    assert refusal(UsageError, run, Path(), "saved_model", "float32") == (
        ". is no name for a new folder. Add one to it."
    )
    assert refusal(UsageError, run, None, "onnx", "int8") == (
        "--precision int8 is for --format litert alone; onnx is written in float32. "
        "Leave --precision out."
    )


def test_a_taken_name_that_nobody_chose_gets_a_number(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run.open(trained_run)
    Path("small-1.keras").touch()
    Path("small-1-2-keras-example.py").touch()
    assert check_request(run, None, "keras", "float32") == Path("small-1-3.keras")
    assert check_request(run, None, "litert", "int8") == Path("small-1-int8.tflite")


def test_an_unfinished_run_is_refused(trained_run: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_run, tmp_path / "run")
    (tmp_path / "run/metrics.json").unlink()
    run = Run.open(tmp_path / "run")
    assert refusal(RunError, run, None, "keras", "float32") == (
        f"{run.path} is unfinished: its training was stopped or is still going on. "
        f"Finish it with: cifarcnn train --resume {run.path}"
    )


def test_a_missing_or_old_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from cifarcnn.export import packages

    def said(**versions: str | None) -> str:
        here = {
            "onnx": "1.23.0",
            "tf2onnx": "1.17.0rc1",
            "onnxruntime": "1.20",
            **versions,
        }
        monkeypatch.setattr(packages, "installed_version", here.get)
        with pytest.raises(RunError) as caught:
            require_packages("onnx")
        return str(caught.value)

    way_out = "`pip install --upgrade 'cifarcnn[export]'` brings what is needed."
    assert said(tf2onnx=None) == (
        f"onnx cannot be written here: the package tf2onnx is not installed. {way_out}"
    )
    assert said(tf2onnx=None, onnx=None, onnxruntime="1.9.2") == (
        "onnx cannot be written here: the packages onnx, tf2onnx are not installed; "
        f"onnxruntime 1.9.2 is too old, 1.20 or newer is needed. {way_out}"
    )
    monkeypatch.setattr(packages, "find_module", lambda name: None)
    with pytest.raises(RunError) as caught:
        require_packages("saved_model")
    assert str(caught.value) == (
        "Only TensorFlow can write saved_model, and it is not installed: `pip install "
        "tensorflow` brings it. `--format keras` and `--format web` do without."
    )
    require_packages("keras")
