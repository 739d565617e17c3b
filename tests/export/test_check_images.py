"""Which images a file is asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cifarcnn.errors import DataError
from cifarcnn.export.check_images import (
    choose_calibration_images,
    choose_check_images,
)
from cifarcnn.runs import Run
from cifarcnn.runs.manifest import read_manifest
from cifarcnn.trained_run import TrainedRun

pytestmark = pytest.mark.slow


def test_without_its_data_a_run_is_compared_on_made_up_pictures(
    trained_run: Path, tmp_path: Path
) -> None:
    run = Run.open(trained_run)

    class WithoutData(TrainedRun):
        @property
        def config(self) -> Any:
            return run.config.with_data(dataset="cifar10", path=str(tmp_path))

    trained = WithoutData(run, read_manifest(run.path))
    chosen = choose_check_images(trained, (48, 20, 3))
    assert (chosen.images.shape, chosen.labels) == ((200, 48, 20, 3), None)
    assert chosen.images.std() > 20
    assert chosen.origin == "made-up pictures"
    assert chosen.note is not None
    assert chosen.note.startswith("the pictures of the run are not here: ")
    assert chosen.note.endswith(
        ". The file is compared on pictures drawn by code; --data says where the "
        "others are."
    )
    with pytest.raises(DataError, match="int8 needs training pictures"):
        choose_calibration_images(trained)
    wrong = WithoutData(run, read_manifest(run.path), data_path=tmp_path)
    with pytest.raises(DataError):
        choose_check_images(wrong, (32, 32, 3))


def test_pictures_of_the_users_own_and_of_the_training_do_too(
    trained_run: Path, tmp_path: Path
) -> None:
    run = Run.open(trained_run)
    manifest = read_manifest(run.path)
    for name in ("cat", "ship"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (40, 40)).save(tmp_path / name / "a.png")
    own = TrainedRun(run, manifest, data_path=tmp_path)
    chosen = choose_check_images(own, (32, 32, 3))
    assert (len(chosen.images), chosen.origin) == (2, f"pictures in {tmp_path}")
    assert chosen.labels is not None and chosen.labels.tolist() == [3, 8]
    assert choose_calibration_images(own).shape == (300, 32, 32, 3)

    class WithoutValidation(TrainedRun):
        @property
        def config(self) -> Any:
            return run.config.with_data(validation_fraction=0.0)

    chosen = choose_check_images(WithoutValidation(run, manifest), (32, 32, 3))
    assert (len(chosen.images), chosen.origin) == (5_000, "training pictures")
    assert chosen.labels is None
    assert chosen.note == (
        f"{run.path} was trained without validation pictures, so there is no accuracy "
        "to compare."
    )
