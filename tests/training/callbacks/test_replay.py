from __future__ import annotations

from types import SimpleNamespace

import pytest

from cifarcnn.runs import EpochRecord
from cifarcnn.training.callbacks.replay import ReplayEpochs


def record_of(epoch: int, val_loss: float) -> EpochRecord:
    return EpochRecord(epoch, 1.0, 0.5, val_loss, 0.5, 0.1, 2.0, 100.0)


@pytest.mark.parametrize(
    ("losses", "over"),
    [([], False), ([0.5, 0.6], False), ([0.5, 0.6, 0.7], True)],
)
def test_early_stopping_hears_finished_epochs_again(
    keras, progress, model, losses, over
):
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=2, mode="min")
    replay = ReplayEpochs([stopping], progress)
    replay.set_model(model)
    progress.records = [record_of(n, loss) for n, loss in enumerate(losses, 1)]
    assert replay.replay() is over
    assert model.stop_training is over
    # An epoch that is begun is finished.
    replay.on_train_begin()
    assert model.stop_training is False
    assert stopping.wait == max(len(losses) - 1, 0)


def test_the_rate_falls_again_from_where_it_began(keras, progress, model):
    plateau = keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=0.5, patience=1, mode="min"
    )
    model.optimizer = SimpleNamespace(learning_rate=0.125)
    replay = ReplayEpochs([plateau], progress, first_learning_rate=1.0)
    replay.set_model(model)
    progress.records = [record_of(n, 0.5) for n in (1, 2, 3)]
    replay.on_train_begin()
    assert float(model.optimizer.learning_rate) == 0.25
