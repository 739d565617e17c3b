from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.config import load_config
from cifarcnn.data import Split
from cifarcnn.training.preparation import (
    choose_for_smoke,
    direction_of,
    steps_per_execution,
)


@pytest.mark.parametrize(("batch_size", "steps"), [(32, 16), (128, 16), (512, 4)])
def test_the_article_runs_a_quarter_of_a_second_in_one_go_or_16_steps(batch_size, steps):
    # 4,548,608 multiply-accumulates a picture, times 6, into 60 billion.
    config = load_config("article", {"training.batch_size": batch_size})
    assert steps_per_execution(config, "cpu") == steps


def test_a_tiny_network_still_looks_up_after_16_steps(make_config):
    assert steps_per_execution(make_config(), "cpu") == 16


def test_a_trial_takes_pictures_from_everywhere():
    labels = np.repeat(np.arange(10, dtype=np.uint8), 100)
    images = np.zeros((1000, 32, 32, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = labels
    chosen = choose_for_smoke(Split(images, labels))
    assert len(chosen.labels) == 512
    assert np.bincount(chosen.labels).min() >= 51
    assert np.array_equal(chosen.images[:, 0, 0, 0], chosen.labels)


def test_a_small_set_is_taken_whole():
    small = Split(np.zeros((5, 32, 32, 3), np.uint8), np.zeros(5, np.uint8))
    assert choose_for_smoke(small) is small


def test_losses_should_fall_and_accuracies_rise():
    assert direction_of("val_loss") == "min"
    assert direction_of("val_accuracy") == "max"
