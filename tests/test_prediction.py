"""LiteRT where it can be, Keras with a word where it cannot."""

from __future__ import annotations

import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import cifarcnn
from cifarcnn.config import Config, summarize
from cifarcnn.config.shipped import shipped_names
from cifarcnn.errors import RunError, UsageError
from cifarcnn.litert.runtime import LiteRTModel
from cifarcnn.prediction import Predictor, open_predictor, write_missing_litert
from cifarcnn.runs import WeightsChoice
from cifarcnn.runs.file_lock import lock_run
from cifarcnn.runs.weights import save_weights

IMAGES = np.random.default_rng(0).integers(0, 256, (70, 32, 32, 3), np.uint8)


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    return Path(shutil.copytree(trained_run, tmp_path / "small-1"))


def is_fast(predictor: Predictor) -> bool:
    predict = predictor.predict
    if isinstance(predict, partial):
        # It is asked about several views of each image.
        predict = predict.args[0]
    return isinstance(getattr(predict, "__self__", None), LiteRTModel)


def by_keras(run: Path, weights: WeightsChoice | None = None) -> str | None:
    """The note of a predictor that must answer with Keras, and as Keras does."""
    predictor = open_predictor(run, weights=weights)
    assert not is_fast(predictor)
    expected = cifarcnn.load_run(run, weights=weights).predict(IMAGES)
    assert np.array_equal(predictor.predict(IMAGES), expected)
    return predictor.note


def test_both_ways_give_the_same_answers(trained_run: Path) -> None:
    fast = open_predictor(trained_run)
    slow = open_predictor(trained_run, keras=True)
    assert is_fast(fast) and not is_fast(slow)
    assert fast.note is None and slow.note is None
    assert fast.path == slow.path == trained_run
    assert fast.class_names == slow.class_names
    assert fast.manifest == slow.manifest
    found, expected = fast.predict(IMAGES), slow.predict(IMAGES)
    assert np.abs(found - expected).max() < 1e-4
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_the_cpu_is_what_litert_runs_on(trained_run: Path) -> None:
    assert is_fast(open_predictor(trained_run, device="cpu"))


def test_the_newest_run_is_taken_when_none_is_named(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained_run, "runs/small-1")
    Path("runs/latest").symlink_to("small-1")
    assert open_predictor().path.resolve() == (tmp_path / "runs/small-1").resolve()


def test_a_missing_file_leaves_it_to_keras(run: Path) -> None:
    (run / "model.tflite").unlink()
    assert by_keras(run) == f"{run}/model.tflite is missing."


def test_a_damaged_file_leaves_it_to_keras(run: Path) -> None:
    path = run / "model.tflite"
    listed = json.loads((run / "manifest.json").read_text())["litert"]["sha256"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    note = by_keras(run)
    assert note is not None and note.startswith(
        f"{path} is not the file that was written: its SHA-256 begins with "
    )
    assert note.endswith(f", but manifest.json lists {listed[:12]}.")


def test_other_weights_are_left_to_keras(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    best, last = (
        manifest["weights"][name][0]["sha256"]
        for name in ("weights.safetensors", "last.safetensors")
    )
    assert best == last
    assert is_fast(open_predictor(run, weights="last"))
    # As if an epoch had followed that was not the best.
    arrays = cifarcnn.load_run(run, device="cpu")
    from cifarcnn.network.weights import read_weights

    changed = {
        name: array + np.float32(0.5)
        for name, array in read_weights(arrays.model).items()
    }
    save_weights(
        arrays.run.path, "last", changed, epoch=3, origin=arrays.manifest.origin
    )
    assert by_keras(run, "last") == (
        f"{run}/model.tflite was not made from the weights in last.safetensors."
    )
    assert is_fast(open_predictor(run))


def test_without_the_runtime_keras_answers(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    note = by_keras(run)
    assert note is not None and note.startswith(
        f"{run}/model.tflite is not used, because the LiteRT runtime cannot be imported"
    )


def test_a_runtime_that_fails_leaves_it_to_keras(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: LiteRTModel, batch: object) -> None:
        raise RuntimeError("no such processor")

    monkeypatch.setattr(LiteRTModel, "_invoke", fail)
    assert by_keras(run) == (
        f"{run}/model.tflite does not work with the LiteRT runtime: no such processor"
    )


def test_a_changed_config_is_refused_either_way(run: Path) -> None:
    (run / "config.yaml").write_text((run / "config.yaml").read_text() + "# x\n")
    with pytest.raises(RunError) as caught:
        open_predictor(run)
    assert str(caught.value).startswith(
        f"{run}/config.yaml is not the config that the weights were trained with"
    )


def test_the_test_images_are_those_of_the_data_set(trained_run: Path) -> None:
    images = open_predictor(trained_run).split("test").images
    expected = cifarcnn.load_run(trained_run, device="cpu").dataset.test().images
    assert np.array_equal(images, expected)


def test_the_data_set_is_looked_for_where_it_was_said_to_be(
    trained_run: Path, tmp_path: Path
) -> None:
    predictor = open_predictor(trained_run, data_path=tmp_path)
    assert predictor.predict(IMAGES).shape == (70, 10)
    with pytest.raises(UsageError) as caught:
        predictor.split("test")
    assert str(caught.value) == (
        f"dataset: synthetic is drawn by code and takes no path, found {tmp_path}."
    )


@pytest.fixture
def slow(run: Path) -> Predictor:
    """Keras's answers from a run that has no LiteRT file."""
    (run / "model.tflite").unlink()
    return open_predictor(run)


def test_a_missing_file_is_written_for_the_next_time(
    slow: Predictor, run: Path
) -> None:
    assert write_missing_litert(slow) == (
        f"{run}/model.tflite was missing and is written now; the next answer comes "
        "sooner."
    )
    fast = open_predictor(run)
    assert is_fast(fast)
    assert np.abs(fast.predict(IMAGES) - slow.predict(IMAGES)).max() < 1e-4
    # Neither once more, nor where LiteRT answers or Keras was asked for.
    for predictor in (slow, fast, open_predictor(run, keras=True)):
        assert write_missing_litert(predictor) is None


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_lies_there_is_not_replaced(run: Path, kind: str) -> None:
    path = run / "model.tflite"
    path.unlink()
    path.write_bytes(b"mine") if kind == "file" else path.symlink_to("elsewhere")
    assert write_missing_litert(open_predictor(run)) is None
    assert path.is_symlink() or path.read_bytes() == b"mine"


def test_of_an_unfinished_run_it_is_left_to_the_training(
    slow: Predictor, run: Path
) -> None:
    (run / "metrics.json").unlink()
    assert write_missing_litert(slow) is None


def test_where_another_process_trains_nothing_is_written(
    slow: Predictor, run: Path
) -> None:
    with lock_run(run):
        assert write_missing_litert(slow) is None
    assert not (run / "model.tflite").exists()


def test_in_a_run_that_cannot_be_written_nothing_is_tried(
    slow: Predictor, run: Path
) -> None:
    run.chmod(0o555)
    try:
        if os.access(run, os.W_OK):
            pytest.skip("this user may write anywhere")
        assert write_missing_litert(slow) is None
    finally:
        run.chmod(0o755)


def test_weights_that_changed_meanwhile_are_not_mixed_up(
    slow: Predictor, run: Path
) -> None:
    loaded = cifarcnn.load_run(run, device="cpu")
    from cifarcnn.network.weights import read_weights

    arrays, origin = read_weights(loaded.model), loaded.manifest.origin
    save_weights(run, "selected", arrays, epoch=3, origin=origin)
    assert write_missing_litert(slow) is None


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs Unix permissions")
def test_a_run_that_cannot_be_written_is_no_error(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By its name alone: the folders above it are closed to others.
    monkeypatch.chdir(run.parent)
    run.parent.chmod(0o755)
    (run / "model.tflite").unlink()
    (run / ".lock").unlink(missing_ok=True)
    run.chmod(0o555)
    slow, user = open_predictor(run.name), os.geteuid()
    if user == 0:  # who may write anywhere
        os.seteuid(65534)
    try:
        assert write_missing_litert(slow) is None
    finally:
        os.seteuid(user)
        run.chmod(0o755)
    assert not (run / "model.tflite").exists()


def test_a_file_that_cannot_be_made_is_told(
    slow: Predictor, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cifarcnn.litert import conversion

    monkeypatch.setattr(conversion, "TOLERANCE", -1.0)
    said = write_missing_litert(slow)
    assert said is not None and said.startswith(
        f"{run}/model.tflite is not written: its probabilities differ from Keras's by "
    )


# What half a second on two cores allows: `quickstart` sees thousands of images,
# `speedrun` with its six views and `resnet18` dozens.
AFFORDABLE_MACS = 2e10
VIEWS = {"none": 1, "mirror": 2, "mirror_and_shift": 6}


def affordable_images(config: Config) -> int:
    views = VIEWS[config.evaluation.test_time_augmentation]
    return min(10_000, int(AFFORDABLE_MACS / (summarize(config).macs * views)))


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_config_answers_alike_on_real_test_images(
    name: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Weights that have moved are enough.
    images = 16 if name == "transfer-inception" else 128
    monkeypatch.setattr("cifarcnn.training.training_data.SMOKE_IMAGES", images)
    settings = {"data.dataset": "cifar10", "data.path": str(real_data)}
    if name == "transfer-inception":
        # The published ones would have to be fetched.
        settings["model.layers[1].Pretrained.weights"] = "none"
    config = cifarcnn.load_config(name, settings)
    run = cifarcnn.train(config, tmp_path / "run", device="cpu", smoke=True)
    images = run.dataset.test().images
    assert len(images) == 10_000
    images = images[: affordable_images(config)]
    fast = open_predictor(run.path)
    assert is_fast(fast)
    found, expected = fast.predict(images), run.predict(images)
    assert np.abs(found - expected).max() < 1e-4
    ranked = np.sort(expected, axis=1)
    other = found.argmax(axis=1) != expected.argmax(axis=1)
    # After so few steps two classes can be equally probable to the last digit.
    assert ((ranked[:, -1] - ranked[:, -2])[other] < 1e-6).all()
