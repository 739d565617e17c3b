"""Trainings that come to numbers that are not finite."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cifarcnn.config import Config
from cifarcnn.errors import DivergedError, Stopped
from cifarcnn.network.builder import build_model
from cifarcnn.network.weights import read_weights
from cifarcnn.runs import Run
from cifarcnn.runs.weights import describe_arrays, load_weights
from cifarcnn.training.observer import Observer
from cifarcnn.training.resume import plan_resume
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

# A weight decay by far too large a rate: all weights grow by a factor in each step, and
# the penalty is infinite while the logits still are not.
PENALTY = {"kernel_regularizer": {"L2": 1.0}}
LAYERS = ["Flatten", {"Dense": {"units": 3, **PENALTY}}]
# Gradients whose squares, which Adam sums up, are beyond float32.
STEEP = {
    "layers": ["Flatten", {"Dense": 3}],
    "optimizer": {"Adam": 0.01},
    "class_weights": dict.fromkeys(["red", "green", "blue"], 1e25),
    "batch_size": 70,
}
ADVICE = (
    "Train anew with a tenth of it, a warm-up, or clipping (training.optimizer: "
    "clipnorm); --resume would come to the same again."
)
NO_EPOCH = "No epoch was finished."


class Recorder(Observer):
    """Writes down what it hears, and sends SIGINT after a certain step."""

    def __init__(self, last: tuple[int, int] | None = None) -> None:
        self.steps: list[tuple[int, int]] = []
        self.notes: list[str] = []
        self.last = last

    def batch_ended(self, epoch, step, logs):
        self.steps.append((epoch, step))
        if (epoch, step) == self.last:
            os.kill(os.getpid(), signal.SIGINT)

    def noted(self, sentence):
        self.notes.append(sentence)


@pytest.fixture
def make(make_config) -> Callable[..., Config]:
    def make(rate: float = 10.0, **changes: Any) -> Config:
        settings = {"layers": LAYERS, "optimizer": {"SGD": rate}, "batch_size": 4}
        config: Config = make_config(**{**settings, **changes}, validation_fraction=0)
        return config

    return make


@pytest.fixture
def start(keras, make_dataset, device, run: Run) -> Callable[..., None]:
    """Trains in the run of the test, from its checkpoint where it has one."""

    def start(config: Config, observer: Observer | None = None) -> None:
        plan = plan_resume(run, config) if run.config_path.exists() else None
        data = load_training_data(config, make_dataset(70))
        train(config, data, run, device, resume=plan, observer=observer)

    return start


@pytest.fixture
def diverge(start) -> Callable[..., str]:
    """Trains until it diverges; gives the sentence."""

    def diverge(config: Config, observer: Observer | None = None) -> str:
        with pytest.raises(DivergedError) as caught:
            start(config, observer)
        return str(caught.value)

    return diverge


def names(run: Run) -> set[str]:
    return {path.name for path in run.path.iterdir()}


def load(run: Run, config: Config, choice: Any = "selected") -> Any:
    """Weights that were kept; refuses any that are not finite."""
    specs = describe_arrays(read_weights(build_model(config, 3)))
    return load_weights(run.path, choice, specs)


def test_the_very_step_is_named_also_where_many_run_in_one_go(diverge, make, run: Run):
    # Sixteen at a time; the first sixteen leave nothing finite.
    sentence = diverge(make())
    assert sentence == (
        "In epoch 1, at step 16 of 18, the loss is not finite any more: the training "
        f"diverged, at a learning rate of 10. {ADVICE} {NO_EPOCH}"
    )
    assert names(run) == {"config.yaml", "environment.json"}


def test_finite_weights_are_kept_before_an_epoch_is_over(diverge, make, run: Run):
    config, recorder = make(steps_per_execution=1), Recorder()
    sentence = diverge(config, recorder)
    assert recorder.steps[-1] == (1, 15)
    before, _, kept = sentence.rpartition("The weights after step ")
    assert before == (
        "In epoch 1, at step 16 of 18, the loss is not finite any more: the training "
        f"diverged, at a learning rate of 10. {ADVICE} "
    )
    step, _, place = kept.partition(" ")
    assert 1 <= int(step) <= 15
    assert place == f"are kept in {run.path}."
    assert load(run, config).epoch == 0


def test_of_a_later_epoch_the_one_before_is_kept(diverge, make, run: Run):
    config = make(4.0)
    assert diverge(config) == (
        "In epoch 2, at step 5 of 18, the loss is not finite any more: the training "
        f"diverged, at a learning rate of 4. {ADVICE} The weights of epoch 1 are kept "
        f"in {run.path}. The last checkpoint is of the end of epoch 1."
    )
    assert load(run, config).epoch == load(run, config, "last").epoch == 1


def test_going_on_comes_to_the_same_and_says_so_before(start, diverge, make, run: Run):
    config = make(4.0, steps_per_execution=2)
    with pytest.raises(Stopped):
        start(config, Recorder((2, 2)))
    # The steps of before the interruption count.
    first = diverge(config)
    assert first.startswith("In epoch 2, at step 5 of 18, ")
    assert json.loads((run.path / "environment.json").read_text())["diverged"] == first
    recorder = Recorder()
    assert diverge(config, recorder) == first
    assert recorder.notes == [
        f"{run.path} diverged before, and comes to the same again where nothing is "
        f"different: {first}"
    ]


def test_going_on_without_a_checkpoint_comes_to_the_same(diverge, make, run: Run):
    config, recorder = make(steps_per_execution=1), Recorder()
    first = diverge(config)
    second = diverge(config, recorder)
    assert recorder.notes == [
        f"{run.path} has no checkpoint yet: its training begins anew",
        f"{run.path} diverged before, and comes to the same again where nothing is "
        f"different: {first}",
    ]
    assert second.startswith("In epoch 1, at step 16 of 18, ")
    assert load(run, config).epoch == 0


def test_what_no_longer_diverges_is_forgotten(start, diverge, make, run: Run):
    diverge(make(4.0))
    recorder = Recorder()
    # Two epochs were planned; only the first is left of them.
    start(make(4.0, epochs=1), recorder)
    assert recorder.steps == []
    assert "diverged" not in json.loads((run.path / "environment.json").read_text())
    assert run.finished


def test_an_optimizer_that_overflows_is_found_at_the_end_of_the_epoch(
    diverge, make, run: Run
):
    config = make(**STEEP)
    assert diverge(config) == (
        "In epoch 1, after step 1 of 1, a number of the network or of the optimizer is "
        "not finite any more, although the loss still was: the training diverged, at a "
        f"learning rate of 0.01. {ADVICE} The weights after step 1 are kept in "
        f"{run.path}."
    )
    assert load(run, config).epoch == 1
    assert "checkpoint" not in names(run)


def test_weights_that_overflow_in_the_last_step_are_found(diverge, make, run: Run):
    large = dict.fromkeys(["red", "green", "blue"], 2e36)
    twofold = {"learning_rate": 1000.0, "momentum": 1.0 - 1e-3, "nesterov": True}
    config = make(**{**STEEP, "optimizer": {"SGD": twofold}, "class_weights": large})
    assert diverge(config) == (
        "In epoch 1, after step 1 of 1, a number of the network or of the optimizer is "
        "not finite any more, although the loss still was: the training diverged, at a "
        f"learning rate of 1e+03. {ADVICE} {NO_EPOCH}"
    )
    assert names(run) == {"config.yaml", "environment.json"}


def test_no_new_figure_is_logged(start, make, run: Run):
    logs: list[Any] = []

    class Listener(Observer):
        def batch_ended(self, epoch, step, figures):
            logs.append(sorted(figures))

    start(make(1e-6, epochs=1), Listener())
    assert logs[0] == ["accuracy", "loss"]
    assert np.isfinite(float(run.read_history()[0]["loss"]))
