"""A model that is none, for callbacks that are fed events by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cifarcnn.runs import DataRecord, Origin
from cifarcnn.training.callbacks.background_writer import BackgroundWriter
from cifarcnn.training.callbacks.progress import Progress
from cifarcnn.training.observer import Observer, Plan


class FakeState:
    """Two numbers, in place of all variables of a model."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._weights = weights
        self.arrays = {"model/0000": np.array([1.0, 2.0], np.float32)}
        self.metrics: tuple[float, ...] = (3.0, 4.0)

    def read(self) -> dict[str, np.ndarray]:
        return {name: array.copy() for name, array in self.arrays.items()}

    def weights(self, arrays: Any) -> dict[str, np.ndarray]:
        return {name: array.copy() for name, array in self._weights.items()}

    def specs(self) -> dict[str, Any]:
        return {name: (a.shape, a.dtype.name) for name, a in self.arrays.items()}

    def write(self, arrays: Any) -> None:
        self.arrays = {name: arrays[name] for name in self.arrays}

    def read_metrics(self) -> tuple[float, ...]:
        return self.metrics

    def write_metrics(self, values: Any) -> None:
        self.metrics = tuple(values)

    def finite_steps(self) -> int:
        return 1


class FakeModel:
    """What the callbacks ask of a ``TrainingModel``."""

    def __init__(self) -> None:
        self.weights = {"dense/kernel": np.zeros((2, 2), np.float32)}
        self.state = FakeState(self.weights)
        self.stop_training = False

    def read_weights(self) -> dict[str, np.ndarray]:
        return self.state.weights(self.state.read())

    def learning_rate_at(self, step: int) -> float:
        return step / 10


class Notes(Observer):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def batch_ended(self, epoch, step, logs):
        self.heard.append((epoch, step, logs["loss"]))

    def epoch_ended(self, record):
        self.heard.append(record)

    def noted(self, sentence):
        self.heard.append(sentence)


@pytest.fixture
def make_model() -> Callable[[], FakeModel]:
    return FakeModel


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def origin() -> Origin:
    return Origin(
        class_names=("red", "green", "blue"),
        data=DataRecord(name="folder", checksum="0" * 64, official=False, notice=None),
        versions={"keras": "3"},
    )


@pytest.fixture
def observer() -> Notes:
    return Notes()


@pytest.fixture
def progress() -> Progress:
    """Of three epochs of four steps, none of which is done."""
    return Progress(Plan(3, 4, 16, 55, 15, 127, 3), "val_loss")


@pytest.fixture
def writer(progress: Progress, observer: Notes) -> Iterator[BackgroundWriter]:
    with BackgroundWriter(progress, observer) as writer:
        yield writer
