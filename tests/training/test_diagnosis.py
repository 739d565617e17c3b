from __future__ import annotations

from cifarcnn.training.diagnosis import diagnose
from cifarcnn.training.observer import EpochRecord


def epoch(
    number: int,
    loss: float,
    accuracy: float,
    val_loss: float | None = None,
    val_accuracy: float | None = None,
) -> EpochRecord:
    return EpochRecord(number, loss, accuracy, val_loss, val_accuracy, 0.001, 1.0, 1.0)


def test_a_network_that_guesses_is_told_the_likely_causes():
    records = [epoch(1, 2.31, 0.099, 2.3, 0.1), epoch(2, 2.303, 0.101, 2.3, 0.1)]
    assert diagnose(records, 10) == (
        "Nothing was learnt: an accuracy of 10.1% is what guessing among 10 classes "
        "gives. Most often the learning rate is too high (try a tenth of it); or too "
        "low (try ten times as much); or the pictures reach the layers as 0 to 255 "
        "(data.normalization: none).",
    )


def test_where_the_pixels_are_prepared_they_are_no_cause():
    [said] = diagnose([epoch(1, 2.31, 0.099), epoch(2, 2.3, 0.1)], 10, normalized=True)
    assert said.endswith("(try a tenth of it); or too low (try ten times as much).")


def test_learning_by_heart_is_named_with_its_epoch():
    records = [
        epoch(1, 1.2, 0.6, 1.1, 0.62),
        epoch(2, 0.6, 0.8, 1.0, 0.68),
        epoch(3, 0.2, 0.95, 1.4, 0.7),
    ]
    assert diagnose(records, 10) == (
        "The network learns the training pictures by heart: its accuracy is 95.0% "
        "there and 70.0% on validation, whose loss was lowest after epoch 2 of 3. "
        "Dropout, L2 regularizers, a smaller network or training.early_stopping help.",
    )


def test_a_falling_loss_asks_for_more_epochs():
    records = [epoch(1, 1.2, 0.6, 1.1, 0.62), epoch(2, 0.9, 0.7, 0.9, 0.69)]
    assert diagnose(records, 10) == (
        "The loss was still falling in the last epoch (1.100 to 0.900): more epochs "
        "would very likely help.",
    )


def test_without_validation_the_training_loss_is_judged():
    assert diagnose([epoch(1, 1.2, 0.6), epoch(2, 0.9, 0.7)], 10) == (
        "The loss was still falling in the last epoch (1.200 to 0.900): more epochs "
        "would very likely help.",
    )


def test_a_settled_training_needs_no_word():
    records = [epoch(1, 0.9, 0.7, 0.9, 0.69), epoch(2, 0.85, 0.71, 0.89, 0.7)]
    assert diagnose(records, 10) == ()
    assert diagnose(records[:1], 10) == ()
