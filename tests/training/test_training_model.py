from __future__ import annotations

import pytest

from cifarcnn.config import load_config
from cifarcnn.training.learning_rate_schedules import monitor_mode
from cifarcnn.training.training_model import steps_per_execution


@pytest.mark.parametrize(("batch_size", "steps"), [(32, 16), (128, 16), (512, 4)])
def test_the_article_runs_a_quarter_of_a_second_in_one_go_or_16_steps(
    batch_size, steps
):
    # 4,548,608 multiply-accumulates an image, times 6, into 60 billion.
    config = load_config("article", {"training.batch_size": batch_size})
    assert steps_per_execution(config, "cpu") == steps


def test_a_tiny_network_still_looks_up_after_16_steps(make_config):
    assert steps_per_execution(make_config(), "cpu") == 16


def test_losses_should_fall_and_accuracies_rise():
    assert monitor_mode("val_loss") == "min"
    assert monitor_mode("val_accuracy") == "max"
