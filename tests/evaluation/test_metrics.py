"""Every figure against six images worked out by hand.

Three classes. True:  0 0 0 1 1 2
Predicted:            0 0 1 1 0 1     with the confidences .6 .8 .5 .9 .5 .4
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from cifarcnn.evaluation import metrics

LABELS = np.array([0, 0, 0, 1, 1, 2], np.uint8)
PROBABILITIES = np.array(
    [
        [0.6, 0.3, 0.1],
        [0.8, 0.1, 0.1],
        [0.3, 0.5, 0.2],
        [0.1, 0.9, 0.0],
        [0.5, 0.25, 0.25],
        [0.35, 0.4, 0.25],
    ],
    np.float32,
)
CONFUSION = np.array([[2, 1, 0], [1, 1, 0], [0, 1, 0]])


def test_the_confusion_matrix_has_a_row_for_each_true_class() -> None:
    predictions = PROBABILITIES.argmax(axis=1)
    found = metrics.confusion_matrix(LABELS, predictions, 3)
    assert found.tolist() == CONFUSION.tolist()


def test_labels_of_a_hundred_classes_do_not_overflow_a_byte() -> None:
    labels = np.array([99, 99, 0], np.uint8)
    found = metrics.confusion_matrix(labels, np.array([99, 0, 0]), 100)
    assert found[99, 99] == 1 and found[99, 0] == 1 and found[0, 0] == 1
    assert found.sum() == 3


def test_the_loss_is_the_mean_negative_logarithm_of_the_true_class() -> None:
    true = [0.6, 0.8, 0.3, 0.9, 0.25, 0.25]
    by_hand = -sum(math.log(p) for p in true) / 6
    found = metrics.cross_entropy(PROBABILITIES, LABELS)
    assert found == pytest.approx(by_hand, abs=1e-7)


def test_a_true_class_without_any_probability_costs_a_bounded_loss() -> None:
    certain = np.array([[1.0, 0.0]], np.float32)
    found = metrics.cross_entropy(certain, np.array([1]))
    assert found == pytest.approx(-math.log(1e-7))


def test_a_loss_keeps_its_digits_over_many_images() -> None:
    probabilities = np.full((1_000_000, 2), 0.9, np.float32)
    found = metrics.cross_entropy(probabilities, np.zeros(1_000_000, np.uint8))
    assert found == pytest.approx(-math.log(np.float32(0.9)), abs=1e-12)


def test_the_interval_of_half_of_ten_is_that_of_the_textbook() -> None:
    # (0.5 + z^2/20 -+ z sqrt(0.025 + z^2/400)) / (1 + z^2/10)
    assert metrics.wilson_interval(5, 10) == pytest.approx((0.236593, 0.763407), 1e-5)


@pytest.mark.parametrize(
    ("hits", "count", "expected"),
    [(0, 10, (0.0, 0.277533)), (10, 10, (0.722467, 1.0))],
)
def test_the_interval_stays_between_0_and_1(
    hits: int, count: int, expected: tuple[float, float]
) -> None:
    assert metrics.wilson_interval(hits, count) == pytest.approx(expected, abs=1e-6)


def test_precision_recall_and_f1_of_each_class() -> None:
    precision, recall, f1 = metrics.precision_recall_f1(CONFUSION)
    assert precision.tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert recall.tolist() == pytest.approx([2 / 3, 1 / 2, 0])
    assert f1.tolist() == pytest.approx([2 / 3, 2 / 5, 0])


def test_a_class_without_images_has_the_recall_0() -> None:
    _, recall, _ = metrics.precision_recall_f1(np.array([[3, 0], [0, 0]]))
    assert recall.tolist() == [1.0, 0.0]


def test_the_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    # Bins of width 1/15: (5/15, 6/15] holds .4; (7/15, 8/15] both .5; .6 is the upper
    # end of (8/15, 9/15]; .8 of (11/15, 12/15]; (13/15, 14/15] holds .9. Right are
    # .6, .8 and .9. In float64, because 0.6 as float32 lies above 9/15.
    gaps = abs(0 - 0.4) + abs(0 - 1.0) + abs(1 - 0.6) + abs(1 - 0.8) + abs(1 - 0.9)
    bins = metrics.calibration_bins(PROBABILITIES.astype(np.float64), LABELS)
    assert metrics.calibration_error(bins) == pytest.approx(gaps / 6, abs=1e-6)
    assert sum(each.count for each in bins) == 6
    assert [place for place, each in enumerate(bins) if each.count == 2] == [7]
    assert (bins[7].confidence, bins[7].accuracy) == (0.5, 0.0)
    assert (bins[0].confidence, bins[0].accuracy) == (None, None)
    assert (bins[7].low, bins[7].high) == (7 / 15, 8 / 15)


def test_right_and_wrong_of_one_bin_balance_each_other() -> None:
    probabilities = np.array([[0.5, 0.5 - 1e-9], [0.5, 0.5 - 1e-9]])
    bins = metrics.calibration_bins(probabilities, np.array([0, 1]))
    assert metrics.calibration_error(bins) == 0.0


def test_who_is_sure_and_always_wrong_has_the_calibration_error_1() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]])
    bins = metrics.calibration_bins(probabilities, np.array([1, 1]))
    assert metrics.calibration_error(bins) == 1.0


def test_top_k_counts_the_true_class_among_the_first() -> None:
    # Second choices: 1, 1, 0, 0, 1 (before 2, equally probable), 0.
    assert metrics.top_k_accuracy(PROBABILITIES, LABELS, 1) == pytest.approx(3 / 6)
    assert metrics.top_k_accuracy(PROBABILITIES, LABELS, 2) == pytest.approx(5 / 6)
    assert metrics.top_k_accuracy(PROBABILITIES, LABELS, 3) == 1.0


def test_the_most_frequent_mistakes_come_first_and_hits_are_none() -> None:
    confusion = np.array([[9, 1, 4], [0, 9, 0], [2, 0, 9]])
    found = metrics.confused_pairs(confusion, 2)
    assert found == [(0, 2, 4), (2, 0, 2)]
    assert metrics.confused_pairs(np.eye(3, dtype=int) * 5, 5) == []


def test_the_brier_score_is_the_mean_squared_distance_from_certainty() -> None:
    # Of the first image: .4^2 + .3^2 + .1^2, and so on.
    by_hand = (0.26 + 0.06 + 0.78 + 0.02 + 0.875 + 0.845) / 6
    found = metrics.brier_score(PROBABILITIES, LABELS)
    assert found == pytest.approx(by_hand, abs=1e-7)
    sure = np.array([[1.0, 0.0]], np.float32)
    assert metrics.brier_score(sure, np.array([0])) == 0
    assert metrics.brier_score(sure, np.array([1])) == 2


def test_means_over_classes_leave_out_those_without_images() -> None:
    values, support = np.array([0.5, 1.0, 0.0]), np.array([3, 1, 0])
    mean = metrics.mean_over_classes
    assert mean(values, support, weighted=False) == 0.75
    assert mean(values, support, weighted=True) == 0.625
