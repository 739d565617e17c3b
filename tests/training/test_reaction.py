"""Events fed by hand, without any training."""

from __future__ import annotations

import math
import signal
from functools import partial

import pytest

from cifarcnn.errors import DivergedError, Stopped
from cifarcnn.network.builder import build_model
from cifarcnn.network.weights import read_weights
from cifarcnn.runs import DataRecord, Origin
from cifarcnn.runs.checkpoints import find_checkpoint
from cifarcnn.training import gather_material
from cifarcnn.training.checkpointer import Checkpointer
from cifarcnn.training.keeper import Keeper
from cifarcnn.training.observer import Observer, Plan
from cifarcnn.training.pupil import build_pupil
from cifarcnn.training.reaction import Reaction
from cifarcnn.training.signals import SignalWatch

ORIGIN = Origin(
    class_names=("red", "green", "blue"),
    data=DataRecord(name="folder", checksum="0" * 64, official=False, notice=None),
    versions={"keras": "3"},
)
GOOD = {"loss": 1.0, "accuracy": 0.5}
EPOCH = {**GOOD, "val_loss": 1.5, "val_accuracy": 0.4}
PLAN = Plan(3, 4, 16, 55, 15, 127, 3)


@pytest.fixture
def make_reaction(keras, run, make_config, make_dataset, device):
    config = make_config()
    material = gather_material(config, make_dataset(70))
    run.write_config(config)

    def make(weights: str = "best") -> Reaction:
        keeper = Keeper(run, ORIGIN, best_by="val_loss", weights=weights)
        return Reaction(
            read_weights=partial(read_weights, build_model(config, 3)),
            plan=PLAN,
            keeper=keeper,
            checkpointer=Checkpointer(
                run,
                config,
                material,
                build_pupil(config, material, device, "float32", 3),
                keeper,
            ),
            observer=Observer(),
            signals=SignalWatch(),
            rate_at=lambda step: step / 10,
            finite_steps=lambda: 1,
        )

    return make


def pass_epoch(reaction: Reaction, epoch: int) -> None:
    reaction.epoch_began(epoch)
    reaction.batch_ended(3, GOOD)
    reaction.epoch_ended(EPOCH)


def test_an_epoch_becomes_a_record_counted_from_one(make_reaction):
    reaction = make_reaction()
    pass_epoch(reaction, 0)
    pass_epoch(reaction, 1)
    first, second = reaction.keeper.records
    assert (first.epoch, second.epoch) == (1, 2)
    assert (first.loss, first.accuracy) == (1.0, 0.5)
    assert (first.val_loss, first.val_accuracy) == (1.5, 0.4)
    # The last steps of the epochs are the steps 3 and 7 of the training.
    assert (first.learning_rate, second.learning_rate) == (0.3, 0.7)
    assert 0 < first.duration_seconds < 60
    assert first.pictures_per_second > 0


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_lost_loss_is_told_with_its_place_and_what_is_kept(make_reaction, run, lost):
    reaction = make_reaction()
    pass_epoch(reaction, 0)
    reaction.epoch_began(1)
    with pytest.raises(DivergedError) as caught:
        reaction.batch_ended(1, {"loss": lost, "accuracy": 0.1})
    assert str(caught.value) == (
        "In epoch 2, at step 2 of 4, the loss is not finite any more: the training "
        "diverged, at a learning rate of 0.5. Train anew with a "
        "tenth of it, a warm-up, or clipping (training.optimizer: clipnorm); --resume "
        "would come to the same again. The weights of epoch 1 are kept in "
        f"{run.path}. The last checkpoint is of the end of epoch 1."
    )
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_lost_validation_loss_ends_the_training(make_reaction, run, lost):
    reaction = make_reaction()
    pass_epoch(reaction, 0)
    reaction.epoch_began(1)
    reaction.batch_ended(3, GOOD)
    with pytest.raises(DivergedError) as caught:
        reaction.epoch_ended({**EPOCH, "val_loss": lost})
    assert str(caught.value) == (
        "In epoch 2, after step 4 of 4, the validation loss is not finite: the "
        "training diverged, at a learning rate of 0.7. Train anew with a "
        "tenth of it, a warm-up, or clipping (training.optimizer: clipnorm); --resume "
        "would come to the same again. The weights of epoch 1 are kept in "
        f"{run.path}. The last checkpoint is of the end of epoch 1."
    )
    assert len(run.read_history()) == 1


@pytest.mark.parametrize(
    ("weights", "epochs", "kept"),
    [
        ("best", 0, "the weights of this moment"),
        ("last", 1, "the weights of this moment and the history"),
        (
            "best",
            1,
            "the best weights (epoch 1), those of this moment (last.safetensors) and "
            "the history",
        ),
    ],
)
def test_a_stop_says_what_is_kept_and_what_to_type(
    make_reaction, run, weights, epochs, kept
):
    reaction = make_reaction(weights)
    for epoch in range(epochs):
        pass_epoch(reaction, epoch)
    reaction.epoch_began(epochs)
    reaction.signals.received = signal.SIGTERM
    with pytest.raises(Stopped) as caught:
        reaction.batch_ended(1, GOOD)
    assert caught.value.exit_code == 143
    assert str(caught.value) == (
        f"Stopped in epoch {epochs + 1} of 3, after step 2 of 4. Kept in {run.path}: "
        f"{kept}. Judge them with: cifarcnn evaluate --run {run.path}\n"
        f"Go on with: cifarcnn train --resume {run.path}"
    )
    found, _ = find_checkpoint(run.path)
    assert (found.state.epoch, found.state.step) == (epochs, 2)
    assert (run.path / "weights.safetensors").exists()
    assert (run.path / "last.safetensors").exists()


def test_without_a_signal_nothing_stops(make_reaction):
    reaction = make_reaction()
    reaction.epoch_began(0)
    reaction.stop_if_asked()
    assert not reaction.keeper.records
