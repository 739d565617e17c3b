"""``check --estimate``: a few steps that nobody keeps, and no file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cifarcnn.errors import RunError
from cifarcnn.training import trial

LAYERS = """
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - BatchNormalization
    - GlobalAveragePooling2D
    - Dense: {units: 3, activation: softmax}
"""
FOLDER = f"""name: tiny
data: {{dataset: folder, path: pets}}
{LAYERS}
training:
  epochs: 4
  batch_size: 8
  steps_per_execution: 2
  averaging: {{ExponentialMovingAverage: 0.9}}
  seed: 1
"""
# As many steps as two for each of the five executions.
STEPS = {"training": 10, "validation": 10}
Call = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / "cache"))
    # As many executions as are needed, however slow the machine is.
    monkeypatch.setattr(trial, "_MEASURED_SECONDS", 0.0)
    (tmp_path / "tiny.yaml").write_text(FOLDER)
    return tmp_path


def files_in(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def estimate_of(call: Call, *arguments: str) -> dict[str, Any]:
    done = call("check", *arguments, "--estimate", "--device", "cpu", "--json")
    assert (done.code, done.err) == (0, "")
    found: dict[str, Any] = json.loads(done.out)["estimate"]
    return found


def test_it_says_what_a_training_takes_and_leaves_no_file(
    folder: Path, call: Call
) -> None:
    before = files_in(folder)
    found = estimate_of(call, "tiny.yaml")
    assert files_in(folder) == before
    assert found["steps_tried"] == STEPS
    # Nothing lies there, so that a number is assumed; a tenth of it validates.
    counts = found["training_pictures"], found["validation_pictures"]
    assert sum(counts) == 50_000 and counts[1] in range(4_990, 5_010)
    assert found["notes"] == [
        "there is nothing at pets: 50,000 pictures to learn from and to validate by "
        "are assumed"
    ]
    for name in ("seconds_per_epoch", "seconds"):
        assert 0 < found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]
    assert found["seconds"] > 4 * found["seconds_per_epoch"]
    assert found["compile_seconds"] > 0
    assert (found["features_seconds"], found["fine_tuned_from"]) == (0, None)
    assert found["memory_bytes"] is None or found["memory_bytes"] > 10**7
    assert (found["epochs"], found["seeds"], found["backend"]) == (4, 1, "tensorflow")
    assert found["device"]["kind"] == "cpu"


def test_all_seeds_take_as_many_times_as_long(folder: Path, call: Call) -> None:
    done = call("check", "tiny.yaml", "--estimate", "--device", "cpu", "--seeds", "3")
    assert done.code == 0
    table, line = done.out.rstrip("\n").rsplit("\n", 1)
    assert table.startswith("tiny.yaml: no problems\nlayer ")
    assert line.startswith("estimate: about ") and " for the 3 seeds, " in line
    assert line.count("\n") == 0 and "; on cpu (" in line
    found = estimate_of(call, "tiny.yaml", "--seeds", "4,8")
    assert found["seeds"] == 2
    assert found["seconds"] > 2 * 4 * found["seconds_per_epoch"]


def test_pictures_of_a_folder_are_counted_and_not_decoded(
    folder: Path, call: Call
) -> None:
    for split, count in (("train", 20), ("val", 4)):
        for name in ("cat", "dog", "owl"):
            place = folder / "pets" / split / name
            place.mkdir(parents=True)
            for number in range(count):
                # Not a picture: nobody looks.
                (place / f"{number}.png").write_bytes(b"")
    before = files_in(folder)
    found = estimate_of(call, "tiny.yaml")
    assert (found["training_pictures"], found["validation_pictures"]) == (60, 12)
    assert found["notes"] == []
    assert files_in(folder) == before


@pytest.mark.parametrize("validation_fraction", [0, 0.25])
def test_cifar_need_not_be_here(
    folder: Path, call: Call, validation_fraction: float
) -> None:
    text = FOLDER.replace("units: 3", "units: 10").replace(
        "dataset: folder, path: pets",
        f"validation_fraction: {validation_fraction}, normalization: standard",
    )
    (folder / "cifar.yaml").write_text(f"{text}  class_weights: balanced\n")
    found = estimate_of(call, "cifar.yaml")
    cut = int(50_000 * validation_fraction)
    counts = found["training_pictures"], found["validation_pictures"]
    assert counts == (50_000 - cut, cut)
    assert found["steps_tried"]["validation"] == (10 if cut else 0)
    assert found["notes"] == []


def test_pictures_that_do_not_fit_are_streamed(
    folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "fits_device", lambda size, free: False)
    # Of which two thousand stand for all.
    monkeypatch.setattr(
        "cifarcnn.training.made_up_data.MOST_STREAMED_BYTES", 2_000 * 3_072
    )
    found = estimate_of(call, "tiny.yaml")
    assert sum((found["training_pictures"], found["validation_pictures"])) == 50_000
    assert any("they are streamed" in note for note in found["notes"])
    assert found["steps_tried"] == STEPS


def test_frozen_features_and_fine_tuning_have_their_times(
    folder: Path, call: Call, trained_run: Path
) -> None:
    (folder / "tuned.yaml").write_text(
        f"""name: tuned
data: {{dataset: synthetic, augmentation: [RandomFlip]}}
model:
  layers:
    - Pretrained: {{run: {trained_run}, trainable: false, pooling: avg}}
    - Dense: {{units: 10, activation: softmax}}
training:
  epochs: 5
  steps_per_execution: 1
  fine_tune: {{from_epoch: 4, layers: 2, learning_rate: 0.001}}
"""
    )
    before = files_in(folder)
    found = estimate_of(call, "tuned.yaml")
    # Neither weights nor features are there afterwards.
    assert files_in(folder) == before
    assert found["fine_tuned_from"] == 4
    assert found["features_seconds"] > 0
    assert found["steps_tried"]["training"] == 2 * 5
    parts = 3 * found["seconds_per_epoch"] + 2 * found["seconds_per_fine_tuning_epoch"]
    parts += found["features_seconds"] + found["compile_seconds"]
    # What is left is the end.
    assert found["seconds"] > parts


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ("--seeds", "2"),
            2,
            "--seeds, --device and --backend belong to --estimate.",
        ),
        (("--device", "cpu"), 2, "belong to --estimate."),
        (("article", "--estimate"), 2, "--estimate takes one config at a time"),
        (("--estimate", "--seeds", "one"), 2, "--seeds takes a number of seeds"),
        (("--estimate", "--set", "training.epochs=0"), 2, "tiny.yaml: 1 problem"),
        (("--estimate", "--device", "gpu"), 1, "The device gpu cannot be used: "),
    ],
)
def test_what_cannot_be_is_told(
    folder: Path, call: Call, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    done = call("check", "tiny.yaml", *arguments)
    assert done.code == code
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_folder_that_cannot_be_trained_on_is_told(folder: Path, call: Call) -> None:
    place = folder / "pets" / "train" / "cat"
    place.mkdir(parents=True)
    Image.new("RGB", (32, 32)).save(place / "one.png")
    done = call("check", "tiny.yaml", "--estimate", "--device", "cpu")
    assert done.code == 1
    assert done.err.startswith("error: ") and "1 class" in done.err


def test_too_little_memory_is_one_sentence(
    folder: Path,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    run_out_of_memory: Callable[..., Any],
) -> None:
    monkeypatch.setattr(trial, "build_networks", run_out_of_memory)
    done = call("check", "tiny.yaml", "--estimate", "--device", "cpu")
    assert done.code == RunError.exit_code
    assert done.err.splitlines()[-1].startswith(
        "error: The memory is not enough for a batch of 8 pictures. Try --set "
        "training.batch_size=4, "
    )


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_on_jax(folder: Path) -> None:
    command = [sys.executable, "-m", "cifarcnn", "check", "tiny.yaml", "--estimate"]
    done = subprocess.run(
        [*command, "--json", "--backend", "jax", "--device", "cpu"],
        capture_output=True,
        text=True,
        env={**os.environ, "CIFARCNN_CACHE": str(folder / "cache")},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["estimate"]
    assert found["backend"] == "jax"
    # For as long as it takes to measure.
    assert min(found["steps_tried"].values()) >= 10
    assert not (folder / "runs").exists()
