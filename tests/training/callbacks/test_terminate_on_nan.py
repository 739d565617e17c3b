from __future__ import annotations

import math

import numpy as np
import pytest

from cifarcnn.errors import DivergedError
from cifarcnn.runs.manifest import read_manifest
from cifarcnn.training.callbacks.model_checkpoint import ModelCheckpoint
from cifarcnn.training.callbacks.terminate_on_nan import TerminateOnNaN

GOOD = {"loss": 1.0, "accuracy": 0.5}
EPOCH = {**GOOD, "val_loss": 1.5, "val_accuracy": 0.4}


@pytest.fixture
def callback(progress, model) -> TerminateOnNaN:
    callback = TerminateOnNaN(progress)
    callback.set_model(model)
    progress.begin_epoch(1)
    return callback


@pytest.fixture
def checkpoint(run, make_config, progress, writer, origin) -> ModelCheckpoint:
    run.write_config(make_config())
    return ModelCheckpoint(run, origin, progress, writer, "best")


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_lost_loss_ends_the_training_at_its_very_step(callback, progress, lost):
    # Three steps ran in one go; the second was the first that was not finite.
    progress.end_step(2, GOOD)
    with pytest.raises(DivergedError) as caught:
        callback.on_train_batch_end(2, {"loss": lost, "accuracy": 0.1})
    assert str(caught.value) == (
        "In epoch 2, at step 2 of 4, the loss is not finite any more"
    )


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_lost_validation_loss_ends_the_training(callback, progress, lost):
    progress.end_step(3, GOOD)
    with pytest.raises(DivergedError) as caught:
        callback.on_epoch_end(1, {**EPOCH, "val_loss": lost})
    assert str(caught.value) == (
        "In epoch 2, after step 4 of 4, the validation loss is not finite"
    )


def test_a_lost_weight_ends_the_training(callback, progress, model):
    progress.end_step(3, GOOD)
    model.weights["dense/kernel"][0, 0] = math.nan
    with pytest.raises(DivergedError) as caught:
        callback.on_epoch_end(1, EPOCH)
    assert str(caught.value) == (
        "In epoch 2, after step 4 of 4, a number of the network or of the optimizer is "
        "not finite any more, although the loss still was"
    )


def test_finite_weights_are_handed_on(callback, progress, model):
    progress.end_step(3, GOOD)
    callback.on_epoch_end(1, GOOD)
    np.testing.assert_array_equal(
        progress.weights["dense/kernel"], model.weights["dense/kernel"]
    )


def test_the_message_says_what_to_try_and_what_is_saved(
    callback, progress, checkpoint, run
):
    progress.end_step(1, GOOD)
    checkpoint.saved_epochs = 1
    saved = "The last checkpoint is of the end of epoch 1."
    error = callback.explain(DivergedError("At step 2 it was lost"), checkpoint, saved)
    assert error.exit_code == 4
    assert str(error) == (
        "At step 2 it was lost: the training diverged, at a learning rate of 0.5. "
        "Train anew with a tenth of it, a warm-up, or clipping (training.optimizer: "
        "clipnorm); --resume would come to the same again. The weights of epoch 1 are "
        f"kept in {run.path}. {saved}"
    )


def test_before_the_first_epoch_is_over_a_finite_copy_is_saved(
    callback, progress, checkpoint, model, run
):
    progress.end_step(0, GOOD)
    callback.on_train_batch_end(0, GOOD)
    model.weights["dense/kernel"][:] = math.nan
    error = callback.explain(DivergedError("Lost"), checkpoint, "")
    assert str(error).endswith(f". The weights after step 1 are kept in {run.path}.")
    assert read_manifest(run.path).weights["weights.safetensors"][0].epoch == 0


def test_a_copy_is_not_taken_of_weights_that_are_not_finite(
    callback, progress, checkpoint, model, run
):
    model.weights["dense/kernel"][:] = math.nan
    progress.end_step(0, GOOD)
    callback.on_train_batch_end(0, GOOD)
    error = callback.explain(DivergedError("Lost"), checkpoint, "")
    assert str(error).endswith(". No epoch was finished.")
    assert not run.has_weights
