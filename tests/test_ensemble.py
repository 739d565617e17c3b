"""Several runs asked and judged as one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.ensemble import evaluate_ensemble
from cifarcnn.errors import UsageError

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def runs(
    trained_run: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Two runs of one config, of other seeds."""
    folder = tmp_path_factory.mktemp("ensemble")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        config = cifarcnn.load_config(
            trained_run / "config.yaml", {"training.seed": 1, "training.epochs": 1}
        )
        cifarcnn.train(config, folder / "other", device="cpu")
    return trained_run, folder / "other"


def test_the_mean_of_the_probabilities_is_judged(runs: tuple[Path, Path]):
    loaded = [cifarcnn.load_run(path, device="cpu") for path in runs]
    together, alone = evaluate_ensemble(loaded, "test")
    split = loaded[0].split("test")
    mean = sum(run.predict(split.images) for run in loaded) / 2
    assert np.abs(together.probabilities - mean).max() < 1e-6
    assert together.accuracy == np.mean(mean.argmax(axis=1) == split.labels)
    assert [each.loss for each in alone] == pytest.approx(
        [run.evaluate("test").loss for run in loaded]
    )
    # The logarithm is concave: never worse than the networks are on average.
    assert together.loss < np.mean([each.loss for each in alone])


def test_evaluate_takes_several_runs(runs: tuple[Path, Path], call: Call):
    given = [part for path in runs for part in ("--run", path)]
    found = json.loads(call("evaluate", *given, "--json", "--device", "cpu").out)
    assert found["run"] is None and found["weights"] is None
    assert [each["run"] for each in found["ensemble"]] == list(map(str, runs))
    told = call("evaluate", *given, "--device", "cpu").out.splitlines()
    assert told[0] == (
        f"2 networks, their probabilities averaged, on the {found['examples']:,} test "
        "pictures of synthetic"
    )
    for line, each in zip(told[1:3], found["ensemble"], strict=True):
        assert line.startswith(
            f"  {each['run']} alone: accuracy {each['accuracy']:.2%}"
        )
    alone = json.loads(call("evaluate", "--run", runs[0], "--json").out)
    assert alone["ensemble"] == []


def test_predict_takes_several_runs_without_tensorflow(
    runs: tuple[Path, Path], tmp_path: Path
):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    script = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from cifarcnn.cli.main import main; main()\n"
    )

    def answer(*paths: Path) -> dict[str, float]:
        given = [part for path in paths for part in ("--run", path)]
        done = subprocess.run(
            [sys.executable, "-c", script, "predict", "photo.png", "--top", "10"]
            + ["--format", "json", *given],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        (entry,) = json.loads(done.stdout)
        return {each["label"]: each["probability"] for each in entry["top"]}

    one, other, both = answer(runs[0]), answer(runs[1]), answer(*runs)
    for name, probability in both.items():
        assert probability == pytest.approx((one[name] + other[name]) / 2, abs=1e-6)


def test_what_cannot_be_averaged_is_refused(
    runs: tuple[Path, Path], tmp_path: Path, call: Call
):
    twice = call("evaluate", "--run", runs[0], "--run", runs[0])
    assert (twice.code, twice.out) == (2, "")
    assert twice.err.endswith(f"error: {runs[0]} is given twice.\n")
    other_names = shutil.copytree(runs[1], tmp_path / "names")
    manifest = json.loads((other_names / "manifest.json").read_text())
    del manifest["sha256"]
    manifest["format"] = 1
    manifest["origin"]["class_names"][0] = "zeppelin"
    (other_names / "manifest.json").write_text(json.dumps(manifest))
    for command in (("predict", "test:1"), ("evaluate",)):
        refused = call(*command, "--run", runs[0], "--run", other_names)
        assert refused.code == 2
        assert "The networks have other classes: " in refused.err
        assert "10 (zeppelin, automobile, bird, ...)" in refused.err


def test_validation_pictures_of_another_cut_are_refused(runs: tuple[Path, Path]):
    loaded = [cifarcnn.load_run(path, device="cpu") for path in runs]
    with pytest.raises(UsageError, match="what one is judged on the other has learnt"):
        evaluate_ensemble(loaded, "validation")
