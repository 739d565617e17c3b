from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.errors import RunError
from cifarcnn.runs.manifest import read_manifest
from cifarcnn.runs.removal import remove_run
from cifarcnn.runs.temperature_file import (
    TemperatureRecord,
    read_temperature,
    read_threshold,
    write_temperature,
)


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_run, tmp_path / "run"))


def record(run: Path, name: str = "weights.safetensors") -> TemperatureRecord:
    return TemperatureRecord(
        temperature=1.5,
        weights_sha256=read_manifest(run).weights[name][0].sha256,
        validation_pictures=100,
        loss_before=1.0,
        loss=0.5,
        calibration_error_before=0.25,
        calibration_error=0.125,
    )


def test_what_was_kept_is_read_and_goes_with_the_run(run: Path) -> None:
    path = write_temperature(run, record(run))
    assert path == run / "temperature.json"
    assert read_temperature(run, read_manifest(run), "selected") == record(run)
    remove_run(run)
    assert not run.exists()


def test_a_run_without_one_says_how_to_fit_it(run: Path) -> None:
    with pytest.raises(RunError) as caught:
        read_temperature(run, read_manifest(run), "last")
    assert str(caught.value) == (
        f"{run} has no temperature yet. Fit one on its validation pictures: cifarcnn "
        f"evaluate --run {run} --split validation --temperature --weights last"
    )


def test_one_of_other_weights_is_not_used(run: Path) -> None:
    other = record(run).model_copy(update={"weights_sha256": "0" * 64})
    write_temperature(run, other)
    with pytest.raises(RunError) as caught:
        read_temperature(run, read_manifest(run), "selected")
    assert str(caught.value) == (
        f"{run}/temperature.json was fitted for other weights than those in "
        f"weights.safetensors. Fit it anew: cifarcnn evaluate --run {run} --split "
        "validation --temperature"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", 0),
        ("temperature", 1e300),
        ("temperature", "2"),
        ("weights_sha256", "x"),
        ("validation_pictures", 0),
        ("unsure_below", -1),
        ("unsure_below", "0"),
        ("more", 1),
    ],
)
def test_a_damaged_one_is_not_used(run: Path, key: str, value: Any) -> None:
    path = write_temperature(run, record(run))
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(RunError) as caught:
        read_temperature(run, read_manifest(run), "selected")
    assert str(caught.value) == (
        f"{path} is damaged: `{key}` is missing, unknown or not what belongs there. "
        f"Fit it anew: cifarcnn evaluate --run {run} --split validation --temperature"
    )


def test_when_it_is_unsure_is_read_with_it(run: Path) -> None:
    manifest = read_manifest(run)
    said = (
        f"{run} does not know yet when it is unsure. Fit that on its validation "
        f"pictures: cifarcnn evaluate --run {run} --split validation --temperature"
    )
    with pytest.raises(RunError) as caught:
        read_threshold(run, manifest, "last")
    assert str(caught.value) == f"{said} --weights last"
    # As it was kept before there was a threshold.
    path = write_temperature(run, record(run))
    old = json.loads(path.read_text())
    assert old.pop("unsure_below") is None
    path.write_text(json.dumps(old))
    with pytest.raises(RunError) as caught:
        read_threshold(run, manifest, "selected")
    assert str(caught.value) == said
    known = record(run).model_copy(update={"unsure_below": 2.5})
    write_temperature(run, known)
    assert read_threshold(run, manifest, "selected") == 2.5
    assert read_temperature(run, manifest, "selected").temperature == 1.5
    write_temperature(run, known.model_copy(update={"weights_sha256": "0" * 64}))
    with pytest.raises(RunError, match="fitted for other weights than those in"):
        read_threshold(run, manifest, "selected")


def test_a_link_is_not_followed(run: Path, tmp_path: Path) -> None:
    path = write_temperature(run, record(run))
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(RunError, match="is not a plain file"):
        read_temperature(run, read_manifest(run), "selected")
