"""The trained network of the package is what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cifarcnn.prediction import open_predictor
from cifarcnn.runs.shipped_runs import find_shipped_run, is_shipped, read_card

FOLDER = find_shipped_run("speedrun")


def test_it_is_found_by_name_and_tells_its_figures() -> None:
    assert FOLDER is not None and is_shipped(FOLDER)
    card = read_card(FOLDER)
    low, high = card.test_accuracy_interval
    assert 0.85 < low < card.test_accuracy < high < 0.95
    assert (card.test_pictures, card.validation_pictures) == (10_000, 5_000)
    assert card.command == (
        "cifarcnn train --config speedrun --set data.validation_fraction=0.1"
    )
    assert find_shipped_run("../shipped_runs/speedrun") is None
    assert find_shipped_run("nothing") is None


def test_its_files_name_no_place() -> None:
    assert FOLDER is not None
    for path in FOLDER.iterdir():
        content = path.read_bytes()
        assert not any(part in content for part in (b"/tmp/", b"/home/", b"/root/"))
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 9_000_000


@pytest.mark.slow
@pytest.mark.real_data
def test_it_is_as_good_as_it_says(real_data: Path) -> None:
    predictor = open_predictor(FOLDER, data_path=real_data, unsure=True)
    assert predictor.loaded is None and FOLDER is not None
    split = predictor.split("validation")
    # The first thousand, whose accuracy has a standard error of one point.
    answers = predictor.predict(split.images[:1000])
    right = answers.argmax(axis=1) == split.labels[:1000]
    assert abs(right.mean() - read_card(FOLDER).validation_accuracy) < 0.03
    # By what all 5,000 gave: 5 % of the right answers.
    assert abs(predictor.is_unsure(answers)[right].mean() - 0.05) < 0.025


def test_it_is_unsure_of_noise() -> None:
    predictor = open_predictor(FOLDER, unsure=True)
    noise = np.random.default_rng(5).integers(0, 256, (12, 32, 32, 3), np.uint8)
    assert predictor.is_unsure(predictor.predict(noise)).all()
