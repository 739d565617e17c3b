"""The trained network that comes with the program, in the place of one of the user's.

What is shipped here is made from the run of the tests, by the script that makes the one
of the package.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn import load_run
from cifarcnn.errors import RunError
from cifarcnn.prediction import open_predictor
from cifarcnn.runs import Run, run_path, shipped_runs
from cifarcnn.runs.shipped_runs import read_card

Call = Callable[..., Any]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "ship_run.py"
SAYS = "speedrun is the trained network that comes with cifarcnn, and its folder "
STAYS = SAYS + "stays as it is. `cifarcnn train --config speedrun` trains one of your "

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SCRIPT.is_file(), reason="the benchmarks are not here"),
]


@pytest.fixture(scope="module")
def made(
    trained_run: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a shipped run, not to be changed."""
    out = tmp_path_factory.mktemp("package") / "shipped_runs" / "speedrun"
    spec = importlib.util.spec_from_file_location("ship_run", SCRIPT)
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    arguments = [str(SCRIPT), str(trained_run), str(out), "--pictures", "drawings"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        patch.setattr(sys, "argv", arguments)
        spec.loader.exec_module(script)
        script.main()
    return out


@pytest.fixture(autouse=True)
def shipped(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It is the package's, and this is a folder without runs."""
    monkeypatch.setattr(shipped_runs, "shipped_runs_folder", lambda: made.parent)
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save("photo.png")
    return made


def announce(shipped: Path) -> str:
    right = read_card(shipped).test_accuracy
    return (
        f"network: speedrun, which comes with cifarcnn: {right:.1%} right on 2,000 "
        "test pictures of drawings"
    )


def test_its_files_are_small_without_paths(shipped: Path, trained_run: Path) -> None:
    weights = "weights.safetensors"
    small, large = (folder / weights for folder in (shipped, trained_run))
    assert small.stat().st_size < 0.6 * large.stat().st_size
    for path in shipped.iterdir():
        content = path.read_bytes()
        assert str(trained_run.parent).encode() not in content
        assert str(Path.home()).encode() + b"/" not in content
    environment = json.loads((shipped / "environment.json").read_text())
    assert environment["data"]["origin"] == "drawings"


def test_it_answers_as_the_run_that_it_was_made_from(
    shipped: Path, trained_run: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), np.uint8)
    expected = load_run(trained_run).predict(images)
    assert np.abs(load_run("speedrun").predict(images) - expected).max() < 5e-3
    fast = open_predictor()
    assert fast.path == shipped
    assert fast.loaded is None and fast.note is None
    assert np.abs(fast.predict(images) - expected).max() < 1e-2


def test_a_copy_of_it_is_not_trusted_with_its_model(shipped: Path) -> None:
    shutil.copytree(shipped, "copy")
    predictor = open_predictor("copy")
    assert predictor.loaded is not None
    assert predictor.note == (
        "copy/model.tflite was not written on this machine by you, and is not run, "
        "because such a file can do harm."
    )


def test_predict_without_a_run_takes_it_and_says_so(call: Call, shipped: Path) -> None:
    result = call("predict", "photo.png", "--format", "csv")
    assert result.code == 0
    assert result.err.splitlines()[0] == announce(shipped)
    assert call("predict", "photo.png", "--run", "speedrun", "--temperature").code == 0
    assert os.listdir() == ["photo.png"]
    Path("link").symlink_to(shipped)
    result = call("predict", "photo.png", "--run", "link")
    assert result.err.splitlines()[0] == announce(shipped)
    result = call("predict", "photo.png", "--run", "speedrun", "--run", "link")
    assert result.err == "error: speedrun is given twice.\n"


def test_evaluate_and_explain_take_it(call: Call, shipped: Path) -> None:
    result = call("evaluate", "--json")
    assert result.code == 0
    assert announce(shipped) in result.err.splitlines()
    judged = json.loads(result.out)
    assert judged["accuracy"] == read_card(shipped).test_accuracy
    assert judged["dataset"]["same_as_training"] is True
    result = call("explain", "photo.png", "--out", "page.html")
    assert result.code == 0
    assert result.err.splitlines()[0] == announce(shipped)
    assert str(shipped) not in Path("page.html").read_text()


def test_the_latest_run_comes_first(
    call: Call, shipped: Path, trained_run: Path
) -> None:
    shutil.copytree(trained_run, "runs/small-1")
    # Without a pointer it is not clear which is meant.
    assert call("predict", "photo.png").err.startswith("error: There is no run to take")
    Path("runs/latest").symlink_to("small-1")
    result = call("predict", "photo.png")
    assert result.code == 0
    assert "network: speedrun" not in result.err
    result = call("predict", "photo.png", "--run", "speedrun")
    assert result.err.splitlines()[0] == announce(shipped)


def test_what_has_its_name_is_told_from_it(
    call: Call, shipped: Path, trained_run: Path
) -> None:
    Path("speedrun").mkdir()
    result = call("predict", "photo.png", "--run", "speedrun")
    first = result.err.splitlines()[0]
    assert first == f"{announce(shipped)}; speedrun here is no run"
    shutil.copytree(trained_run, "runs/speedrun")
    result = call("predict", "photo.png", "--run", "speedrun")
    first = result.err.splitlines()[0]
    assert first == f"{announce(shipped)}; not runs/speedrun, which goes by that path"
    shutil.rmtree("speedrun")
    shutil.copytree(trained_run, "speedrun")
    result = call("predict", "photo.png", "--run", "speedrun")
    assert result.err.splitlines()[0] == (
        "note: speedrun is the run in this folder, not the network of that name that "
        f"comes with cifarcnn ({shipped})."
    )


def test_nothing_is_written_into_its_folder(call: Call, shipped: Path) -> None:
    before = sorted(os.listdir(shipped))
    for arguments in (
        ["train", "--resume", "speedrun"],
        ["runs", "remove", "speedrun", "--yes"],
        ["evaluate", "--split", "validation", "--temperature"],
    ):
        result = call(*arguments)
        assert result.code == 1
        assert result.err.splitlines()[-1].startswith(f"error: {STAYS}own.")
    with pytest.raises(RunError):
        load_run("speedrun").fit_temperature()
    assert sorted(os.listdir(shipped)) == before


def test_runs_names_it_where_there_is_none(call: Call) -> None:
    result = call("runs")
    assert (result.code, result.out) == (0, "")
    assert result.err == (
        "There are no runs in runs. Train one with: cifarcnn train --config "
        "quickstart\n"
        "Until then predict, explain and evaluate take speedrun, the trained network "
        "that comes with cifarcnn.\n"
    )
    assert json.loads(call("runs", "--json").out)["runs"] == []


def test_compare_and_export_take_it_by_name(
    call: Call, shipped: Path, trained_run: Path
) -> None:
    result = call("compare", "speedrun", trained_run)
    assert result.code == 0
    assert result.err.splitlines()[0] == announce(shipped)
    result = call("export", "--run", "speedrun", "--format", "keras")
    assert result.code == 0
    assert Path("speedrun.keras").is_file()


def test_without_one_a_run_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_path, "find_shipped_run", lambda name: None)
    with pytest.raises(RunError, match="There is no run to take"):
        Run.open()
