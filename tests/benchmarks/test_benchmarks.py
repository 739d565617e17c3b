"""Each benchmark runs, with settings too small to mean anything."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.config.loading import load_config

FOLDER = Path(__file__).parents[2] / "benchmarks"
RESULT = "result.json"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not here"),
    pytest.mark.skipif(sys.platform != "linux", reason="they read Linux's /proc"),
]


SMALL = """
name: small
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3, strides: 2, activation: relu}
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax}
"""


def run(place: Path, script: str, *arguments: object) -> dict[str, Any]:
    """The document that a benchmark writes, from a process of its own."""
    done = subprocess.run(
        [sys.executable, FOLDER / script, *map(str, arguments), "--json", RESULT],
        cwd=place,
        env={key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((place / RESULT).read_text())
    assert document["benchmark"] == script.removesuffix(".py")
    # A table can be made of it.
    made = script_module("tables").make_tables(place)
    assert made.startswith(f"### {document['benchmark']}")
    assert str(place) not in json.dumps(document)
    return document


def script_module(name: str) -> Any:
    """One of the scripts, imported as they import one another."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


def test_training_is_timed_in_turns(tmp_path: Path):
    document = run(
        tmp_path,
        "training_speed.py",
        *("--rounds", 1, "--seconds", 0.1, "--batch-size", 100, "--no-peak"),
        *("--warm-pictures", 1, "--contestants", "cifarcnn-float32", "keras-bfloat16"),
    )
    rows = document["results"]["contestants"]
    assert set(rows) == {"cifarcnn-float32", "keras-bfloat16"}
    ours, keras = rows.values()
    assert keras["cifarcnn-float32_is_times_as_fast"]["median"] == pytest.approx(
        ours["pictures_per_second"]["median"] / keras["pictures_per_second"]["median"]
    )
    assert document["results"]["forward_macs"] == 4_548_608


@pytest.mark.parametrize(
    ("network", "contestant", "package"),
    [
        # That of Keras trains `article` above.
        ("speedrun", "keras-bfloat16", "tensorflow"),
        ("article", "torch-bfloat16", "torch"),
        ("speedrun", "torch-bfloat16", "torch"),
        ("article", "keras-jax-float32", "jax"),
        ("speedrun", "keras-jax-float32", "jax"),
    ],
)
def test_a_peer_trains_the_same_network(
    tmp_path: Path, network: str, contestant: str, package: str
):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    document = run(
        tmp_path,
        "training_speed.py",
        *("--network", network, "--batch-size", 8, "--warm-pictures", 1),
        *("--rounds", 1, "--seconds", 0.1, "--no-peak", "--contestants", contestant),
    )
    row = document["results"]["contestants"][contestant]
    assert row["pictures_per_second"]["median"] > 0


def test_shares_are_of_the_better_matrix_product():
    training_speed = script_module("training_speed")
    speeds = {
        "cifarcnn-float32": [1000.0, 1000.0],
        "keras-float32": [500.0, 400.0],
        "matrix-tensorflow-float32": [2e11, 2e11],
        "matrix-torch-float32": [1e11, 1e11],
    }
    found = training_speed.judge(speeds, dict.fromkeys(speeds, 1), "article")
    assert found["matrix_product_peak"]["float32"]["by"] == "matrix-tensorflow-float32"
    rows = found["contestants"]
    share = 6 * 4_548_608 * 1000 / 2e11
    assert rows["cifarcnn-float32"]["share_of_peak"]["median"] == pytest.approx(share)
    ratio = rows["keras-float32"]["cifarcnn-float32_is_times_as_fast"]
    assert (ratio["low"], ratio["median"], ratio["high"]) == (2.125, 2.25, 2.375)


def test_the_ways_of_the_input_are_compared(tmp_path: Path):
    document = run(
        tmp_path,
        "input_pipeline.py",
        *("--rounds", 1, "--seconds", 0.05, "--count", 500),
        *("--sizes", 64, "--networks", "convolutions"),
    )
    (ways,) = document["results"].values()
    assert list(ways) == ["table", "streamed", "cached", "shuffled"]
    assert ways["table"]["of_the_table"]["median"] == 1
    for row in ways.values():
        assert row["pictures_per_second"]["median"] > 0
        assert row["memory_mb"] > 0


def test_augmentation_is_compared_with_none_and_with_keras(tmp_path: Path):
    document = run(
        tmp_path,
        "augmentation.py",
        *("--rounds", 1, "--steps", 8, "--batch-size", 16),
    )
    assert set(document["results"]) == {
        "nothing",
        "ours, flip and translation",
        "Keras's layers",
    }


def test_features_computed_once_are_compared_with_those_of_every_epoch(tmp_path: Path):
    document = run(
        tmp_path,
        "cached_features.py",
        *("--side", 32, "--pictures", 80, "--epochs", 2, "--rounds", 1),
    )
    found = document["results"]
    assert found["ratio"]["median"] > 0
    assert found["largest_difference_of_a_loss"]["median"] < 1e-4


def test_decoding_is_compared(tmp_path: Path):
    document = run(tmp_path, "decoding.py", "--images", 4, "--rounds", 1)
    assert set(document["results"]) == {
        "500x375 to 64x64",
        "500x375 to 224x224",
        "4000x3000 to 224x224",
    }
    for ways in document["results"].values():
        assert set(ways) == {"cifarcnn", "cifarcnn, again", "Pillow", "Keras"}


def test_batch_normalization_is_compared_with_kerass_layer(tmp_path: Path):
    document = run(
        tmp_path, "batch_norm.py", "--batch-size", 2, "--rounds", 1, "--seconds", 1
    )
    assert len(document["results"]) == 6
    ways = document["results"]["2 x 7 x 7 x 256, float32"]
    assert set(ways) == {"one operation", "Keras's layer"}


def test_steps_of_each_precision_are_compared(tmp_path: Path):
    document = run(
        tmp_path,
        "precision.py",
        *("--network", "article-tuned", "--batch-size", 8),
        *("--rounds", 1, "--seconds", 1),
    )
    assert set(document["results"]) == {
        "bfloat16, fused norm",
        "float32, fused norm",
        "bfloat16, Keras's norm",
        "float32, Keras's norm",
    }


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_steps_on_one_and_on_two_devices_are_compared(tmp_path: Path):
    (tmp_path / "small.yaml").write_text(SMALL)
    document = run(
        tmp_path,
        "devices.py",
        *("--network", "small.yaml", "--batch-size", 8, "--rounds", 1, "--seconds", 1),
    )
    rows = document["results"]
    assert set(rows) == {"1 device", "2 devices"}
    assert rows["1 device"]["times_1_device"]["median"] == 1


def test_pieces_of_the_recipe_are_left_out_in_turn(tmp_path: Path):
    # As `speedrun` takes long to compile; the next test has all pieces of that.
    (tmp_path / "small.yaml").write_text(f"{SMALL}training: {{averaging: Lookahead}}\n")
    document = run(
        tmp_path,
        "leave_one_out.py",
        *("--config", "small.yaml"),
        *("--epochs", 1, "--pictures", 32, "--seeds", 1, "--pieces", "lookahead"),
        *("--validation-pictures", 20, "--set", "training.batch_size=16"),
    )
    rows = document["results"]["rows"]
    assert list(rows) == [
        "the whole recipe",
        "lookahead",
        "shifts of test-time augmentation",
        "test-time augmentation",
    ]
    assert rows["the whole recipe"]["points_lost"] == 0
    assert document["results"]["trainings"][0]["validation_pictures"] == 20


def test_every_piece_changes_the_config_and_nothing_else_of_it():
    leave_one_out = script_module("leave_one_out")
    texts = {
        name: load_config("speedrun", overrides).to_yaml()
        for name, overrides in leave_one_out.PIECES.items()
    }
    assert len(set(texts.values())) == len(texts)
    assert texts[leave_one_out.WHOLE] == load_config("speedrun").to_yaml()


def test_the_time_of_an_epoch_is_shared_out(tmp_path: Path):
    (tmp_path / "small.yaml").write_text(SMALL)
    document = run(
        tmp_path,
        "time_between_steps.py",
        *("small.yaml", "--epochs", 2, "--ready-seconds", 0.1),
        *("--set", "training.batch_size=500"),
    )
    results = document["results"]
    assert results["validation_pictures"] == 1000
    outer = [part for name, part in results["parts"].items() if "of it" not in name]
    shares = [part["share"] for part in outer]
    beside = results["parts"]["making batches, beside (processor time)"]["share"]
    assert sum(shares) - beside == pytest.approx(1, abs=0.02)
    assert len(results["memory_after_each_epoch_mb"]) == 2
    assert results["peak_memory_mb"] >= max(results["memory_after_each_epoch_mb"])


def test_estimates_are_compared_with_the_training(tmp_path: Path):
    (tmp_path / "small.yaml").write_text(SMALL)
    document = run(tmp_path, "estimate.py", "small.yaml:1", "--rounds", 1)
    [found] = document["results"].values()
    assert set(found) == {"seconds_per_epoch", "seconds", "memory_bytes"}
    for figures in found.values():
        assert figures["truth"]["median"] > 0
        assert figures["check"]["median"] > -1


def test_a_training_is_timed_from_nothing_and_again(tmp_path: Path):
    (tmp_path / "small.yaml").write_text(SMALL)
    document = run(
        tmp_path,
        "first_start.py",
        *("small.yaml", "--rounds", 1),
        *("--set", "training.epochs=1", "--set", "training.batch_size=1000"),
    )
    assert set(document["results"]) == {"first start", "second start"}
    assert document["results"]["first start"]["median"] > 0


def test_a_table_of_a_gpu_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100, 80GB, 580.95'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    machine = script_module("report").machine("gpu")
    assert machine["gpu"] == "NVIDIA H100, 80GB, driver 580.95"
    seconds = {"low": 1.0, "median": 2.0, "high": 3.0}
    document = {
        "benchmark": "first_start",
        "arguments": {"device": "gpu"},
        "machine": machine,
        "results": {"first start": seconds},
    }
    (tmp_path / RESULT).write_text(json.dumps(document))
    table = script_module("tables").make_tables(tmp_path)
    assert table.startswith("### first_start: device gpu\n")
    assert f"{machine['date']}, NVIDIA H100, 80GB, driver 580.95; " in table
    assert "| first start | 2.0 (1.0 to 3.0) |" in table


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="nvidia-smi does not name a GPU"):
        script_module("report").machine("gpu")


def test_starts_of_commands_are_timed(tmp_path: Path, trained_run: Path):
    image = tmp_path / "picture.png"
    _write_image(image)
    document = run(tmp_path, "startup.py", trained_run, image, "--rounds", 1)
    assert set(document["results"]) == {
        "import tensorflow",
        "--help",
        "check article",
        "predict",
    }


def test_predictions_are_timed(tmp_path: Path, trained_run: Path):
    document = run(
        tmp_path,
        "prediction.py",
        trained_run,
        *("--rounds", 1, "--folder-rounds", 1, "--pictures", 3),
    )
    ways = {"cifarcnn predict", "cifarcnn predict --keras", "plain Keras"}
    assert set(document["results"]["folder"]) == ways
    assert set(document["results"]["one_picture"]) == {"import tensorflow", *ways}


def test_exports_are_measured(tmp_path: Path, trained_run: Path):
    document = run(
        tmp_path,
        "export.py",
        trained_run,
        *("--rounds", 1, "--ways", "litert"),
    )
    found = document["results"]
    assert set(found) == {"network", "litert"}
    assert found["litert"]["labels_agreeing"] == found["litert"]["examples"] == 1_000
    assert found["litert"]["accuracy"] == found["network"]["accuracy"]


def test_mistakes_of_unsure_are_measured(
    tmp_path: Path,
    trained_run: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    script, pictures = script_module("unsure"), script_module("outside_pictures")
    # Those that need no other package.
    choosing = ["uniform noise", "checkerboards and stripes", "pixels shuffled"]
    stating = ["soft noise", "tiles shuffled", "blurred"]
    for part, kept in (("CHOOSING", choosing), ("STATING", stating)):
        kinds = getattr(pictures, part)
        monkeypatch.setattr(pictures, part, {name: kinds[name] for name in kept})
    result = tmp_path / RESULT
    arguments = [FOLDER / "unsure.py", trained_run, "--json", result]
    monkeypatch.setattr(sys, "argv", [str(argument) for argument in arguments])
    script.main()
    document = json.loads(result.read_text())
    assert str(trained_run) not in result.read_text()
    found = document["results"]
    assert found["validation_pictures"] == 500
    assert found["pictures"]["choosing"] == dict(
        zip(choosing, [100, 100, 200], strict=True)
    )
    for row in found["scores"].values():
        # 5 % in the other half; here some 130 pictures are named rightly.
        assert row["right_unsure"] < 0.2
        assert list(row["given_a_class_by_kind"]) == stating
    assert "| energy |" in script_module("tables").make_tables(tmp_path)


def test_outside_pictures_are_the_same_every_time():
    pictures = script_module("outside_pictures")
    kinds = {"soft noise": pictures.soft_noise}
    from cifarcnn.data.image.target_size import TargetSize

    target = TargetSize(32, 32, "crop")
    one, other = (pictures.make(kinds, target, None)["soft noise"] for _ in range(2))
    assert one.shape == (100, 32, 32, 3) and (one == other).all()
    with pytest.raises(SystemExit, match="pip install --no-deps nowhere"):
        pictures.package("nowhere")


def test_the_readme_has_the_tables_of_the_results():
    done = subprocess.run(
        [sys.executable, FOLDER / "tables.py"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_names_every_benchmark():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    named = set(_commands())
    assert named == {name for name in named if f"| `{name}` |" in text}
    assert {"training_speed.py", "time_between_steps.py"} <= named


def _commands() -> list[str]:
    """Scripts that take measurements: they can write a result."""
    return [
        path.name
        for path in sorted(FOLDER.glob("*.py"))
        if "report.finish(" in path.read_text(encoding="utf-8")
    ]


def _write_image(path: Path) -> None:
    import numpy as np
    from PIL import Image

    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(path)
