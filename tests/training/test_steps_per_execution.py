from __future__ import annotations

import time
from dataclasses import replace

import pytest

from cifarcnn.config import load_config
from cifarcnn.training.steps_per_execution import (
    StepsPerExecution,
    steps_per_execution,
)


@pytest.mark.parametrize(("batch_size", "steps"), [(32, 16), (128, 16), (512, 4)])
def test_the_article_begins_with_a_quarter_of_a_second_or_16_steps(
    device, batch_size, steps
):
    # 4,548,608 multiply-accumulates an image, times 6, into 60 billion.
    config = load_config("article", {"training.batch_size": batch_size})
    assert steps_per_execution(config, device) == StepsPerExecution(steps)


@pytest.mark.parametrize(("batch_size", "steps"), [(128, 256), (4096, 8)])
def test_a_gpu_begins_with_more(device, batch_size, steps):
    gpu = replace(device, kind="gpu")
    config = load_config("article", {"training.batch_size": batch_size})
    assert steps_per_execution(config, gpu) == StepsPerExecution(steps)


def test_a_tiny_network_looks_up_after_16_steps(device, make_config):
    assert steps_per_execution(make_config(), device) == StepsPerExecution(16)


def test_the_number_of_the_config_stays(device, make_config):
    found = steps_per_execution(make_config(steps_per_execution=3), device)
    assert found == StepsPerExecution(3, fixed=True)
    seen = []

    def execute(first, end):
        seen.append((first, end))
        return {"loss": 1}

    assert found.run(execute, 0, 5) == (3, {"loss": 1.0})
    assert found.run(execute, 3, 5) == (5, {"loss": 1.0})
    assert seen == [(0, 3), (3, 5)]
    assert found.steps == 3


def test_fast_steps_become_many_and_slow_ones_few():
    execution = StepsPerExecution(2)
    assert execution.run(lambda first, end: {}, 0, 100) == (2, {})
    assert execution.steps == 16
    # The few at the end of an epoch say little, but do no harm.
    assert execution.run(lambda first, end: {}, 99, 100) == (100, {})
    assert execution.steps == 128

    def slow(first, end):
        time.sleep(0.02 * (end - first))
        return {}

    # A quarter of a second is 12 of them, fewer where sleep takes longer.
    execution.steps = 20
    assert execution.run(slow, 0, 30) == (20, {})
    assert 10 <= execution.steps <= 12
    execution.run(lambda first, end: time.sleep(1) or {}, 0, 2)
    assert execution.steps in (5, 6)
    execution.steps = 1
    execution.run(lambda first, end: time.sleep(0.3) or {}, 0, 1)
    assert execution.steps == 1
