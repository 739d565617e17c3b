"""Test-time augmentation of a trained run: evaluate and predict agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cifarcnn
from cifarcnn.errors import RunError
from cifarcnn.network.test_time_augmentation import views_of


@pytest.fixture
def mirrored_run(trained_run: Path, tmp_path: Path) -> Path:
    """The trained run as if its config had asked for mirrored views."""
    copy = tmp_path / "small-1"
    copy.mkdir()
    for file in trained_run.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    text = (copy / "config.yaml").read_text()
    assert "test_time_augmentation: none" in text
    text = text.replace("augmentation: none", "augmentation: mirror")
    (copy / "config.yaml").write_text(text)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["litert"]["views"] = "mirror"
    manifest["config_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    # As a run has it that was written before there was one.
    del manifest["sha256"]
    manifest["format"] = 1
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


def test_predict_rests_on_the_views_of_the_config(trained_run, mirrored_run):
    plain = cifarcnn.load_run(trained_run, device="cpu")
    mirrored = cifarcnn.load_run(mirrored_run, device="cpu")
    images = plain.split("test").images[:40]
    found = mirrored.predict(images)
    logits = sum(
        weight * np.log(plain.predict(view))
        for weight, view in views_of(images, "mirror")
    )
    powers = np.exp(logits)
    np.testing.assert_allclose(
        found, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6
    )
    assert not np.allclose(found, plain.predict(images))


def test_evaluate_and_predict_agree(mirrored_run):
    run = cifarcnn.load_run(mirrored_run, device="cpu")
    split = run.split("test")
    labels = run.predict(split.images).argmax(axis=1)
    accuracy = float((labels == split.labels).mean())
    assert run.evaluate().accuracy == pytest.approx(accuracy, abs=0.002)


def test_the_option_takes_the_place_of_the_config(call, trained_run, mirrored_run):
    asked = call("evaluate", "--run", trained_run, "--tta", "mirror", "--json")
    configured = call("evaluate", "--run", mirrored_run, "--json")
    found, expected = json.loads(asked.out), json.loads(configured.out)
    assert found["test_time_augmentation"] == "mirror"
    assert expected["test_time_augmentation"] == "mirror"
    assert found["accuracy"] == expected["accuracy"]
    without = call("evaluate", "--run", mirrored_run, "--tta", "none", "--json")
    assert json.loads(without.out)["test_time_augmentation"] == "none"


def test_the_report_names_the_views(call, mirrored_run):
    first = call("evaluate", "--run", mirrored_run).out.splitlines()[0]
    assert first.endswith(", test-time augmentation mirror")


def test_the_command_answers_with_the_same_views(call, mirrored_run):
    answer = call("predict", "test:3", "--run", mirrored_run, "--format", "json")
    run = cifarcnn.load_run(mirrored_run, device="cpu")
    expected = run.predict(run.split("test").images[3:4])[0]
    found = json.loads(answer.out)[0]
    assert found["label"] == run.class_names[int(expected.argmax())]
    assert found["probability"] == pytest.approx(float(expected.max()), abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (
            "gpu",
            "The memory of the GPU is not enough for the network. Use the device cpu, "
            "or free some of it, and try again.",
        ),
        (
            "cpu",
            "The memory is not enough for the network. Free some of it, and try again.",
        ),
    ],
)
def test_too_little_memory_for_a_trained_network_is_told(
    trained_run: Path,
    run_out_of_memory: Callable[..., Any],
    kind: Any,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    loaded = cifarcnn.load_run(trained_run, device="cpu")
    loaded.device = replace(loaded.device, kind=kind)
    monkeypatch.setattr(loaded.model, "predict_on_batch", run_out_of_memory)
    image = np.zeros((32, 32, 3), np.uint8)
    for ask in (
        lambda: loaded.evaluate("validation"),
        lambda: loaded.predict(image[None]),
        lambda: loaded.explain(image),
    ):
        with pytest.raises(RunError) as caught:
            ask()
        assert str(caught.value) == sentence
