"""``train --seeds``: one config, several seeds, one folder."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.dark_and_light import draw_dark_and_light

Call = Callable[..., Any]
CONFIG = """\
name: tiny
data: {dataset: folder, path: pictures, validation_fraction: 0.2}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - Dropout: 0.2
    - GlobalAveragePooling2D
    - Dense: {units: 2, activation: softmax}
training: {epochs: 2, batch_size: 16, seed: 3}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    draw_dark_and_light(tmp_path / "pictures")
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def weights(run: Path) -> dict[str, bytes]:
    arrays = load_file(run / "last.safetensors")
    return {name: array.tobytes() for name, array in arrays.items()}


@pytest.mark.slow
@pytest.mark.usefixtures("no_litert")
def test_each_seed_is_what_it_is_alone_and_the_spread_is_told(folder: Path, call: Call):
    answer = call("train", "-c", "tiny.yaml", "--seeds", "3", "--device", "cpu")
    assert (answer.code, answer.out) == (0, "runs/tiny-seeds-1\n"), answer.err
    made = folder / "runs" / "tiny-seeds-1"
    assert sorted(path.name for path in made.iterdir()) == [
        *(".lock", "base.yaml", "report.html"),
        *("seed-3", "seed-4", "seed-5", "seeds.json"),
    ]
    shares = [
        json.loads((made / f"seed-{seed}" / "metrics.json").read_text())["kept"][
            "val_accuracy"
        ]
        for seed in (3, 4, 5)
    ]
    found = json.loads((made / "seeds.json").read_text())
    assert found["seeds"] == [3, 4, 5]
    kept = found["val_accuracy"]
    assert list(kept["by_seed"].values()) == shares
    assert kept["mean"] == pytest.approx(statistics.fmean(shares))
    assert kept["deviation"] == pytest.approx(statistics.stdev(shares))
    assert answer.err.splitlines()[-1].startswith(
        f"validation accuracy {kept['mean']:.2%} on average, standard deviation "
    )
    page = (made / "report.html").read_text()
    assert "The training of tiny with 3 seeds" in page
    low, high = kept["interval"]
    assert (
        f"Validation accuracy {kept['mean']:.2%} on average over 3 seeds, standard "
        f"deviation {100 * kept['deviation']:.2f} points, 95% interval of the mean "
        f"{low:.2%} to {high:.2%}."
    ) in page
    for seed, share in zip((3, 4, 5), shares, strict=True):
        assert f'<a href="seed-{seed}/report.html">seed {seed}</a>' in page
        assert f"{share:.2%}</td>" in page
        assert re.search(rf'aria-label="validation loss by epoch.*seed {seed}: ', page)
    # The third training of one process is the first of another one.
    alone = [sys.executable, "-m", "cifarcnn", "train", "-c", "tiny.yaml"]
    alone += ["--set", "training.seed=5", "--run", "alone", "--device", "cpu"]
    subprocess.run(alone, check=True, capture_output=True)
    assert weights(made / "seed-5") == weights(folder / "alone")

    (entry,) = json.loads(call("runs", "--json").out)["runs"]
    assert (entry["name"], entry["seeds"]) == ("tiny-seeds-1", 3)
    assert (entry["state"], entry["val_accuracy"]) == (
        "finished",
        pytest.approx(kept["mean"]),
    )
    refused = call("evaluate", "--run", "runs/tiny-seeds-1")
    assert refused.code == 1
    assert "Name one of them, such as runs/tiny-seeds-1/seed-3." in refused.err
    (made / "mine.txt").write_text("mine")
    removed = call("runs", "remove", "runs/tiny-seeds-1", "--yes")
    assert removed.code == 0 and "not of cifarcnn: mine.txt" in removed.err
    assert [path.name for path in made.iterdir()] == ["mine.txt"]


def test_one_that_diverges_does_not_stop_the_others(folder: Path, call: Call):
    dense = "{Dense: {units: 2, activation: softmax, kernel_regularizer: {L2: 1.0}}}"
    answer = call(
        *("train", "-c", "tiny.yaml", "--seeds", "1,2", "--device", "cpu"),
        *("--set", f"model.layers=[Flatten, {dense}]"),
        *("--set", "training.optimizer={SGD: {learning_rate: 10}}"),
        *("--set", "training.epochs=30"),
    )
    # All of them do here, after the second was tried too.
    assert answer.code == 4
    for seed in (1, 2):
        assert f"are kept in runs/tiny-seeds-1/seed-{seed}. " in answer.err
    (listed,) = json.loads(call("runs", "--json").out)["runs"]
    assert listed["state"] == "diverged"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("1", "is a number of seeds, 2 to 1,000."),
        ("two", "takes a number of seeds, such as 5, or a list"),
        ("1,2,1", "has a seed twice"),
        ("1,-2", "takes a number of seeds"),
        (f"0,{2**32}", "is not below 2**32"),
        ("", "takes a number of seeds"),
    ],
)
def test_other_seeds_are_refused(folder: Path, call: Call, given: str, said: str):
    answer = call("train", "-c", "tiny.yaml", "--seeds", given)
    assert answer.code == 2
    assert said in answer.err
    assert not (folder / "runs").exists()


def test_a_damaged_folder_is_told(folder: Path, call: Call):
    place = folder / "runs" / "tiny-seeds-1"
    place.mkdir(parents=True)
    (place / "seeds.json").write_text('{"seeds": ["a"]}')
    answer = call("train", "--resume", place)
    assert answer.code == 1
    assert "`seeds` is not a list of different whole numbers" in answer.err
    (listed,) = json.loads(call("runs", "--json").out)["runs"]
    assert listed["state"] == "damaged"
    assert call("train", "--resume", place, "--seeds", "3").code == 2


def test_a_link_in_place_of_a_run_is_left_with_what_it_leads_to(
    folder: Path, call: Call
):
    place, outside = folder / "runs" / "tiny-seeds-1", folder / "elsewhere"
    for run in (place / "seed-1", outside):
        run.mkdir(parents=True)
        (run / "config.yaml").write_text(CONFIG)
        (run / "metrics.json").write_text("{}")
    (place / "seeds.json").write_text('{"seeds": [1, 2]}')
    (place / "base.yaml").write_text(CONFIG)
    (place / "seed-2").symlink_to(outside)
    removed = call("runs", "remove", place, "--yes")
    assert removed.code == 0, removed.err
    assert "not of cifarcnn: seed-2" in removed.err
    assert [path.name for path in place.iterdir()] == ["seed-2"]
    assert sorted(path.name for path in outside.iterdir()) == [
        *("config.yaml", "metrics.json"),
    ]
