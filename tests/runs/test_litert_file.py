"""``model.tflite`` comes back as it was written, or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.config import load_config
from cifarcnn.errors import RunError
from cifarcnn.runs import DataRecord, Origin, Run
from cifarcnn.runs.litert_file import LITERT, load_litert, save_litert
from cifarcnn.runs.manifest import WeightsKind, read_manifest
from cifarcnn.runs.weights import save_weights

CONTENT = b"a network" * 100
ORIGIN = Origin(
    class_names=("cat", "dog"),
    data=DataRecord(name="synthetic", checksum="c0ffee", official=False, notice=None),
    versions={"keras": "3.15.1"},
)


def save(run: Run, kind: WeightsKind, value: float) -> None:
    arrays = {"bias": np.full(2, value, np.float32)}
    save_weights(run.path, kind, arrays, epoch=1, origin=ORIGIN)


@pytest.fixture
def bare(tmp_path: Path) -> Run:
    """Weights only."""
    config = tmp_path / "given.yaml"
    config.write_text(
        "data: {dataset: synthetic}\n"
        "model: {layers: [Flatten, Dense: {units: 10, activation: softmax}]}\n"
    )
    run = Run.at(tmp_path / "run")
    run.write_config(load_config(config))
    save(run, "selected", 1.0)
    return run


@pytest.fixture
def run(bare: Run) -> Run:
    save_litert(bare.path, CONTENT)
    return bare


def load(run: Run, kind: WeightsKind = "selected") -> bytes:
    return load_litert(run.path, read_manifest(run.path), kind)


def refusal(run: Run, kind: WeightsKind = "selected") -> str:
    with pytest.raises(RunError) as caught:
        load(run, kind)
    return str(caught.value)


def edit_manifest(run: Run, change: Callable[[dict[str, Any]], object]) -> None:
    path = run.path / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    # As a run has it that was written before there was one.
    del content["sha256"]
    content["format"] = 1
    path.write_text(json.dumps(content))


def test_it_comes_back_and_the_manifest_tells_what_it_was_made_from(run: Run) -> None:
    assert load(run) == load(run, "selected") == CONTENT
    content = json.loads((run.path / "manifest.json").read_text())
    weights = (run.path / "weights.safetensors").read_bytes()
    assert content["litert"] == {
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "bytes": len(CONTENT),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "views": "none",
        "resize": "crop",
        "seal": content["litert"]["seal"],
    }
    assert len(content["litert"]["seal"]) == 64


def test_it_serves_the_last_weights_when_they_are_the_same(run: Run) -> None:
    save(run, "last", 1.0)
    assert load(run, "last") == CONTENT


def test_other_weights_than_asked_for_are_noticed(run: Run) -> None:
    sentence = f"{run.path / LITERT} was not made from the weights in last.safetensors."
    assert refusal(run, "last") == sentence
    save(run, "last", 2.0)
    assert refusal(run, "last") == sentence
    assert load(run) == CONTENT


def test_a_file_of_older_weights_is_noticed_until_it_is_written_again(run: Run) -> None:
    save(run, "selected", 3.0)
    assert refusal(run) == (
        f"{run.path / LITERT} was not made from the weights in weights.safetensors."
    )
    save_litert(run.path, b"newer")
    assert load(run) == b"newer"


def test_without_weights_it_is_not_written(bare: Run) -> None:
    edit_manifest(bare, lambda content: content.update(weights={}))
    with pytest.raises(RunError) as caught:
        save_litert(bare.path, CONTENT)
    assert str(caught.value) == (
        f"{bare.path} has no weights.safetensors that model.tflite could belong to."
    )
    assert not (bare.path / LITERT).exists()


def test_a_missing_file_is_said_to_be_missing(bare: Run, run: Run) -> None:
    (run.path / LITERT).unlink()
    assert refusal(run) == f"{run.path / LITERT} is missing."


def test_a_file_that_the_manifest_does_not_list_is_not_taken(bare: Run) -> None:
    (bare.path / LITERT).write_bytes(CONTENT)
    assert refusal(bare) == f"{bare.path / LITERT} is not listed in manifest.json."


def test_a_manifest_of_before_reads_as_one_without(bare: Run) -> None:
    edit_manifest(bare, lambda content: content.pop("litert"))
    assert read_manifest(bare.path).litert is None


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: b"A" + data[1:]]
)
def test_a_changed_byte_is_noticed(run: Run, change: Callable[[bytes], bytes]) -> None:
    (run.path / LITERT).write_bytes(change(CONTENT))
    found = hashlib.sha256(change(CONTENT)).hexdigest()
    assert refusal(run) == (
        f"{run.path / LITERT} is not the file that was written: its SHA-256 begins "
        f"with {found[:12]}, but manifest.json lists "
        f"{hashlib.sha256(CONTENT).hexdigest()[:12]}."
    )


def test_a_larger_file_is_not_read(run: Run) -> None:
    (run.path / LITERT).write_bytes(CONTENT + b"x")
    assert refusal(run) == (
        f"{run.path / LITERT} has 901 bytes, but at most 900 are expected there. It is "
        "not loaded."
    )


def test_a_link_is_not_followed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(CONTENT)
    (run.path / LITERT).unlink()
    (run.path / LITERT).symlink_to(tmp_path / "elsewhere")
    assert refusal(run) == (
        f"{run.path / LITERT} is not a plain file. The files of a run are never links, "
        "folders or devices; put the file itself there."
    )


def test_a_changed_config_is_noticed(run: Run) -> None:
    run.config_path.write_text(run.config_path.read_text() + "# another\n")
    assert refusal(run) == (
        f"{run.config_path} is not the config that the weights were trained with: its "
        "SHA-256 differs from the one in manifest.json. Undo the change, or train "
        "again with the new config."
    )


def test_with_another_config_it_is_made_anew_and_not_called_foreign(run: Run) -> None:
    config = run.config
    run.write_config(config)
    assert load(run) == CONTENT
    run.write_config(config.with_data(validation_fraction=0.2))
    assert refusal(run) == f"{run.path / LITERT} is not listed in manifest.json."


def test_a_damaged_entry_is_a_damaged_manifest(run: Run) -> None:
    edit_manifest(run, lambda content: content["litert"].update(sha256="x"))
    with pytest.raises(RunError) as caught:
        read_manifest(run.path)
    assert str(caught.value) == (
        f"{run.path / 'manifest.json'} is damaged: `litert.sha256` is missing, unknown "
        "or not what belongs there. Restore it from a copy of the run, or train again."
    )
