from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.runs import Run
from cifarcnn.training.observer import Observer
from cifarcnn.training.training_data import load_training_data

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

DEEP = [
    *[{"Dense": {"units": 8, "activation": "sigmoid"}}] * 11,
    {"Dense": {"units": 3, "activation": "softmax"}},
]


class Told(Observer):
    """Keeps what is said, and when an epoch ends."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def epoch_ended(self, record):
        self.heard.append(record.epoch)

    def noted(self, sentence):
        if not sentence.startswith("model.tflite is not written"):
            self.heard.append(sentence)


@pytest.fixture
def train_tiny(keras, make_dataset, device, run: Run):
    from cifarcnn.training.trainer import train

    def train_tiny(config, observer=None, smoke=False):
        data = load_training_data(config, make_dataset(60), smoke)
        return data, train(config, data, run, device, observer=observer)

    return train_tiny


def test_a_stuck_training_hears_so_after_its_first_epoch(train_tiny, make_config):
    told = Told()
    config = make_config(["GlobalAveragePooling2D", *DEEP], epochs=2)
    _, outcome = train_tiny(config, told)
    place = told.heard.index(1)
    note = told.heard[place + 1]
    assert isinstance(note, str)
    assert note.startswith("Nothing was learnt in 1 epoch: an accuracy of 3")
    assert "12 layers without normalization start from Glorot's weights" in note
    assert note.endswith("goes on. Try next: kernel_initializer: he_normal")
    [finding] = outcome.diagnosis
    assert finding.line == "kernel_initializer: he_normal"
    assert Run.open(outcome.run).read_metrics()["diagnosis"] == [str(finding)]


def test_the_answers_are_those_of_the_kept_weights(train_tiny, make_config, keras):
    told = Told()
    data, outcome = train_tiny(make_config(epochs=3), told)
    assert [entry for entry in told.heard if isinstance(entry, str)] == []
    answers = outcome.validation_probabilities
    assert answers.shape == (12, 3) and answers.dtype == np.float32
    saved = keras.models.load_model(outcome.run / "model.keras")
    np.testing.assert_allclose(
        answers, saved.predict(data.validation.images, verbose=0), atol=1e-6
    )
    right = (answers.argmax(axis=1) == data.validation.labels).mean()
    assert right == pytest.approx(outcome.kept.val_accuracy)


def test_without_validation_nothing_is_asked(train_tiny, make_config):
    _, outcome = train_tiny(make_config(epochs=1, validation_fraction=0))
    assert outcome.validation_probabilities is None


def test_a_trial_is_not_judged(train_tiny, make_config):
    config = make_config(["GlobalAveragePooling2D", *DEEP], epochs=2)
    told = Told()
    _, outcome = train_tiny(config, told, smoke=True)
    assert outcome.diagnosis == () and told.heard == [1]


def test_too_little_memory_for_the_answers_costs_nothing_else(
    train_tiny, make_config, monkeypatch
):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr("cifarcnn.training.judgement.predict_probabilities", fail)
    told = Told()
    _, outcome = train_tiny(make_config(epochs=1), told)
    assert outcome.validation_probabilities is None
    assert Run.open(outcome.run).finished
    assert told.heard[-1] == (
        "The validation pictures were not asked once more at the end: there is not "
        "enough memory. The report shows neither mistakes nor calibration."
    )
