from __future__ import annotations

from cifarcnn.training.callbacks.epoch_log import EpochLog, ObserverCallback

GOOD = {"loss": 1.0, "accuracy": 0.5}
EPOCH = {**GOOD, "val_loss": 1.5, "val_accuracy": 0.4}


def test_an_epoch_becomes_a_record_counted_from_one(progress, model):
    log = EpochLog(progress)
    log.set_model(model)
    for epoch in (0, 1):
        progress.begin_epoch(epoch)
        progress.end_step(3, GOOD)
        progress.epoch_start, progress.steps_end = 0.0, 2.0
        log.on_epoch_end(epoch, EPOCH)
    first, second = progress.records
    assert (first.epoch, second.epoch) == (1, 2)
    assert (first.loss, first.accuracy) == (1.0, 0.5)
    assert (first.val_loss, first.val_accuracy) == (1.5, 0.4)
    # The last steps of the epochs are the steps 3 and 7 of the training.
    assert (first.learning_rate, second.learning_rate) == (0.3, 0.7)
    assert first.duration_seconds > 0
    # The 55 images of the epoch: its last batch is smaller.
    assert first.pictures_per_second == 55 / 2


def test_without_validation_its_figures_are_none(progress, model):
    log = EpochLog(progress)
    log.set_model(model)
    progress.begin_epoch(0)
    # Ended after two of its steps.
    progress.end_step(1, GOOD)
    progress.epoch_start, progress.steps_end = 0.0, 2.0
    log.on_epoch_end(0, GOOD)
    (record,) = progress.records
    assert (record.val_loss, record.val_accuracy) == (None, None)
    assert record.pictures_per_second == 32 / 2


def test_the_observer_hears_of_steps_and_epochs_counted_from_one(
    progress, model, observer, writer
):
    log, tell = EpochLog(progress), ObserverCallback(progress, observer)
    log.set_model(model)
    progress.begin_epoch(1)
    progress.end_step(3, GOOD)
    tell.on_train_batch_end(3, GOOD)
    log.on_epoch_end(1, EPOCH)
    writer.on_epoch_end(1, EPOCH)
    writer.wait()
    assert observer.heard == [(2, 4, 1.0), progress.records[0]]
