"""Trainings with Keras callbacks of the user's own."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from cifarcnn.errors import Stopped
from cifarcnn.runs import Run
from cifarcnn.runs.checkpoints import find_checkpoint
from cifarcnn.runs.manifest import read_manifest
from cifarcnn.training.resume import plan_resume
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]


@pytest.fixture
def start(keras, make_dataset, device, run: Run):
    """Trains in the run of the test, from its checkpoint where it has one."""

    def start(config, *callbacks: Any):
        plan = plan_resume(run, config) if run.config_path.exists() else None
        data = load_training_data(config, make_dataset(70), bool(plan and plan.smoke))
        return train(config, data, run, device, resume=plan, callbacks=callbacks)

    return start


@pytest.fixture
def recorder(keras, run: Run):
    class Recorder(keras.callbacks.Callback):
        """Writes down what it hears; interrupts, or ends the training, at a step."""

        def __init__(self, stop_at=None, interrupt_at=None, stop_after=None) -> None:
            super().__init__()
            self.heard: list[Any] = []
            self.stop_at = stop_at
            self.interrupt_at = interrupt_at
            self.stop_after = stop_after
            self.epoch = 0

        def on_train_begin(self, logs=None):
            self.heard.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            self.heard.append((self.epoch, batch))
            if (self.epoch, batch) == self.stop_at:
                self.model.stop_training = True
            if (self.epoch, batch) == self.interrupt_at:
                os.kill(os.getpid(), signal.SIGINT)

        def on_epoch_end(self, epoch, logs=None):
            self.heard.append((epoch, sorted(logs)))
            # It was saved before.
            assert len(run.read_history()) == epoch + 1
            if epoch == self.stop_after:
                self.model.stop_training = True

        def on_train_end(self, logs=None):
            self.heard.append("end")

    return Recorder


FIGURES = ["accuracy", "loss", "val_accuracy", "val_loss"]


def test_it_hears_what_keras_tells(start, make_config, recorder):
    listener = recorder()
    start(make_config(epochs=2, steps_per_execution=2), listener)
    assert listener.heard == [
        "begin",
        *((0, 1), (0, 3), (0, FIGURES)),
        *((1, 1), (1, 3), (1, FIGURES)),
        "end",
    ]


def test_its_model_has_the_weights_of_the_network(keras, start, make_config, run):
    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.names = [
                weight.path for weight in self.model.get_layer("logits").weights
            ]

    look = Look()
    start(make_config(epochs=1), look)
    stored = read_manifest(run.path).weights["weights.safetensors"][0]
    assert look.names[0] == "conv2d_1/kernel"
    assert stored.epoch == 1


def test_it_may_end_the_training(start, make_config, recorder, run):
    outcome = start(make_config(epochs=9), recorder(stop_after=1))
    assert len(outcome.records) == 2
    assert outcome.stopped_early
    assert run.finished


def test_in_the_middle_of_an_epoch_it_ends_that_epoch(start, make_config, recorder):
    config = make_config(epochs=9, steps_per_execution=1)
    listener = recorder(stop_at=(1, 1))
    outcome = start(config, listener)
    assert listener.heard[-4:] == [(1, 0), (1, 1), (1, FIGURES), "end"]
    assert len(outcome.records) == 2


def test_other_callbacks_of_keras_work(keras, start, make_config, tmp_path):
    path = tmp_path / "log.csv"
    rates = []

    def halve(epoch, rate):
        rates.append(rate)
        return rate / 2

    outcome = start(
        make_config(epochs=3, optimizer={"SGD": 0.5}),
        keras.callbacks.CSVLogger(path),
        keras.callbacks.LearningRateScheduler(halve),
        keras.callbacks.TerminateOnNaN(),
    )
    assert path.read_text().startswith("epoch,accuracy,loss,val_accuracy,val_loss\n")
    assert rates == [0.5, 0.25, 0.125]
    # The record is of the rate that the steps were done with.
    assert [r.learning_rate for r in outcome.records] == [0.25, 0.125, 0.0625]


def test_after_a_cut_it_hears_of_what_is_left(start, make_config, recorder, run):
    config = make_config(epochs=2, steps_per_execution=1)
    with pytest.raises(Stopped):
        start(config, recorder(interrupt_at=(0, 1)))
    listener = recorder()
    start(config, listener)
    # Heard of after the step that follows it.
    assert listener.heard == [
        *("begin", (0, 0), (0, FIGURES), "end"),
        *("begin", (1, 0), (1, 1), (1, 2), (1, 3), (1, FIGURES), "end"),
    ]


def test_after_a_cut_before_the_validation_it_hears_of_that(
    start, make_config, recorder
):
    config = make_config(epochs=2, steps_per_execution=1)
    with pytest.raises(Stopped):
        start(config, recorder(interrupt_at=(0, 2)))
    listener = recorder(stop_after=0)
    outcome = start(config, listener)
    assert listener.heard == ["begin", (0, FIGURES), "end"]
    assert outcome.stopped_early


def test_one_that_ends_the_epoch_that_was_cut_ends_the_training(
    start, make_config, recorder
):
    config = make_config(epochs=9, steps_per_execution=1)
    with pytest.raises(Stopped):
        start(config, recorder(interrupt_at=(1, 0)))
    outcome = start(config, recorder(stop_after=1))
    assert len(outcome.records) == 2


def test_what_it_raises_ends_the_training_after_the_epoch_is_saved(
    keras, start, make_config, run
):
    class Broken(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise ZeroDivisionError

    config = make_config(epochs=2)
    with pytest.raises(ZeroDivisionError):
        start(config, Broken())
    assert find_checkpoint(run.path)[0].state.epoch == 1
    assert len(start(config).records) == 2


def test_an_epoch_that_it_ended_is_validated_after_a_cut(keras, start, make_config):
    class Ending(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.stop_training = True
                self.logs = dict(logs)

        def on_test_begin(self, logs=None):
            os.kill(os.getpid(), signal.SIGINT)

    config = make_config(epochs=1, steps_per_execution=1)
    ending = Ending()
    with pytest.raises(Stopped):
        start(config, ending)
    [record] = start(config).records
    assert (record.loss, record.accuracy) == (
        ending.logs["loss"],
        ending.logs["accuracy"],
    )


@pytest.mark.parametrize("event", ["on_epoch_end", "on_train_end"])
def test_what_it_does_to_weights_that_are_saved_is_in_none_of_the_last_files(
    keras, start, make_config, run, event
):
    def clear(*arguments):
        network = callback.model.get_layer("logits")
        network.set_weights([0 * weight for weight in network.get_weights()])

    callback = keras.callbacks.LambdaCallback(**{event: clear})
    start(make_config(epochs=1, weights="last"), callback)
    stored = load_file(run.path / "weights.safetensors")
    plain = keras.models.load_model(run.path / "model.keras")
    for weight in plain.weights:
        assert np.array_equal(weight.numpy(), stored[weight.path])


@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_begin"])
def test_one_that_ends_the_training_before_a_step_ends_it_after_that_step(
    keras, start, make_config, event
):
    def end(*arguments):
        ending.model.stop_training = True

    ending = keras.callbacks.LambdaCallback(**{event: end})
    steps = []
    counting = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: steps.append(step)
    )
    config = make_config(epochs=3, steps_per_execution=1)
    [record] = start(config, ending, counting).records
    assert steps == [0]
    assert None not in (record.loss, record.val_loss)


def test_a_validation_that_it_ends_at_once_has_figures(keras, start, make_config):
    def end(*arguments):
        ending.model.stop_evaluating = True

    ending = keras.callbacks.LambdaCallback(on_test_begin=end)
    [record] = start(make_config(epochs=1), ending).records
    assert record.val_loss is not None


def test_it_is_told_how_much_there_is_to_do(keras, start, make_config, recorder):
    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            told.append(self.params)

    told: list[Any] = []
    config = make_config(epochs=2, steps_per_execution=1)
    with pytest.raises(Stopped):
        start(config, Look(), recorder(interrupt_at=(0, 1)))
    # Keras's own bar, which only reads of it that it is to say nothing.
    start(config, Look(), keras.callbacks.ProgbarLogger())
    assert told == [
        {"verbose": 0, "epochs": 2, "steps": 4},
        # Of the epoch that was cut after three.
        {"verbose": 0, "epochs": 1, "steps": 1},
        {"verbose": 0, "epochs": 2, "steps": 4},
    ]


@pytest.mark.parametrize("event", ["on_train_end", "on_train_batch_end"])
def test_no_thread_is_left_whether_the_training_ends_or_fails(
    keras, start, make_config, event
):
    def end(*arguments, **named):
        raise ZeroDivisionError

    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError) as caught:
        start(make_config(), keras.callbacks.LambdaCallback(**{event: end}))
    # Also while what failed is still looked at.
    assert caught.tb is not None
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {name for name in left if name.startswith(("next epoch", "cifarcnn"))}
