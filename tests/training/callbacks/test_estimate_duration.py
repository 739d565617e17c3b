"""What is told of how long a training takes: by hand, and of real trainings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.runs import Run
from cifarcnn.training.callbacks import estimate_duration
from cifarcnn.training.callbacks.estimate_duration import EstimateDuration
from cifarcnn.training.callbacks.progress import Progress
from cifarcnn.training.estimate import Estimate, ending, exactly
from cifarcnn.training.fits import plan_fits
from cifarcnn.training.observer import Observer, Plan
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data
from tests.training.conftest import result


class Estimates(Observer):
    def __init__(self) -> None:
        self.heard: list[Estimate] = []

    def estimated(self, estimate):
        self.heard.append(estimate)


def files() -> float:
    """Seconds of what is behind the last epoch."""
    import keras

    return ending(keras.config.backend(), exactly(0.0)).seconds


class Fed:
    """A callback with a clock that is set by hand."""

    def __init__(self, config, plan: Plan, monkeypatch, fit: int = 0) -> None:
        self.now = 0.0
        monkeypatch.setattr(estimate_duration.time, "perf_counter", lambda: self.now)
        self.progress = Progress(plan, "val_loss")
        self.estimates = Estimates()
        fits = plan_fits(config, plan.epochs)
        self.callback = EstimateDuration(fits[fit], self.progress, self.estimates)

    def steps(self, *ends: tuple[int, float]) -> None:
        for step, now in ends:
            self.now = now
            self.callback.on_train_batch_end(step - 1)

    def end_epoch(self, epoch: int, now: float) -> None:
        self.now = now
        self.callback.on_epoch_end(epoch)


@pytest.fixture
def feed(keras, make_config, monkeypatch) -> Callable[..., Fed]:
    def feed(fit: int = 0, done: tuple[int, int] = (0, 0), **training) -> Fed:
        config = make_config(**{"epochs": 4, "batch_size": 10, **training})
        epochs = config.training.epochs
        # 100 steps of 10 pictures, and 30 pictures to validate by: a step's worth.
        plan = Plan(epochs, 100, 10, 1000, 30, 127, 3, False, *done)
        return Fed(config, plan, monkeypatch, fit)

    return feed


EIGHT_STEPS_A_SECOND = [(8, 9.0), (16, 10.0), (24, 11.0), (32, 12.0), (40, 13.0)]


def test_it_is_told_once_from_steps_that_are_done(feed):
    fed = feed()
    fed.callback.on_epoch_begin(0)
    fed.steps(*EIGHT_STEPS_A_SECOND[:-1])
    assert fed.estimates.heard == []  # three executions behind the first one
    fed.steps(*EIGHT_STEPS_A_SECOND[-1:], (48, 14.0), (56, 15.0))
    [told] = fed.estimates.heard
    # Of a step an eighth, and 30 pictures judged cost what 10 learnt from do.
    assert told.epoch.seconds == pytest.approx(101 / 8)
    assert (told.epoch.low, told.epoch.high) == (told.epoch.seconds,) * 2
    assert told.whole.seconds == pytest.approx(4 * 101 / 8 + 1 / 8 + files())
    assert (told.epochs, told.goes_on, told.fine_tuned_from) == (4, False, None)
    assert told.memory_bytes is None or told.memory_bytes > 10**7


def test_where_steps_vary_there_is_a_range(feed):
    fed = feed()
    fed.callback.on_epoch_begin(0)
    fed.steps((1, 1.0), (2, 2.0), (3, 4.0), (4, 7.0), (5, 11.0))
    [told] = fed.estimates.heard
    # Of 1, 2, 3 and 4 seconds the mean is 2.5, and the quartiles are 1.75 and 3.25.
    assert told.epoch.seconds == pytest.approx(2.5 * 101)
    assert told.epoch.low == pytest.approx(1.75 * 101)
    assert told.epoch.high == pytest.approx(3.25 * 101)


def test_of_short_epochs_whole_ones_are_measured(feed):
    fed = feed(epochs=100)
    for epoch in range(5):
        fed.callback.on_epoch_begin(epoch)
        fed.steps((100, 5.0 + epoch))
        fed.end_epoch(epoch, 5.5 + epoch)
    [told] = fed.estimates.heard
    assert told.epoch.seconds == 1.0
    assert told.whole.seconds == pytest.approx(100 + 1 / 100 + files())


def test_a_short_training_is_not_estimated(feed, monkeypatch):
    # Of which the steps take 3 s.
    monkeypatch.setattr(estimate_duration, "_SECONDS_WORTH_SAYING", files() + 4)
    fed = feed(epochs=1)
    fed.callback.on_epoch_begin(0)
    fed.steps(*((8 * step, step / 4) for step in range(1, 12)))
    assert fed.estimates.heard == []


def test_of_a_training_that_goes_on_it_is_what_is_left(feed):
    fed = feed(done=(2, 25))
    fed.progress.steps_done = 25
    fed.callback.on_epoch_begin(2)
    fed.steps(*EIGHT_STEPS_A_SECOND)
    [told] = fed.estimates.heard
    assert (told.epochs, told.goes_on) == (1.75, True)
    assert told.whole.seconds == pytest.approx(1.75 * 101 / 8 + 1 / 8 + files())


def test_what_may_end_it_sooner_is_told_too(feed):
    fed = feed(early_stopping={"patience": 1}, max_minutes=3)
    fed.callback.on_epoch_begin(0)
    fed.steps(*EIGHT_STEPS_A_SECOND)
    [told] = fed.estimates.heard
    assert (told.stops_early, told.max_minutes) == (True, 3)


@pytest.fixture
def train_with_steps(
    keras, make_config, make_dataset, device, tmp_path: Path, monkeypatch, no_litert
):
    """A training that is estimated after one execution of one step, or not at all."""

    def start(estimated: bool):
        monkeypatch.setattr(estimate_duration, "_SECONDS_WORTH_SAYING", 0.0)
        monkeypatch.setattr(estimate_duration, "_FEWEST_EXECUTIONS", 1)
        seconds = 0.0 if estimated else float("inf")
        monkeypatch.setattr(estimate_duration, "_MEASURED_SECONDS", seconds)
        run = Run.create(tmp_path / str(estimated), "tiny")
        config = make_config(
            steps_per_execution=1, averaging={"ExponentialMovingAverage": 0.9}
        )
        observer = Estimates()
        data = load_training_data(config, make_dataset(70))
        train(config, data, run, device, observer=observer)
        return run, observer.heard

    return start


def test_a_training_is_the_same_to_the_bit_whether_it_is_estimated_or_not(
    train_with_steps,
):
    run, heard = train_with_steps(True)
    other, nothing = train_with_steps(False)
    assert (len(heard), nothing) == (1, [])
    assert result(run) == result(other)
