from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.errors import DataError
from cifarcnn.evaluation.fitted_temperature import fit_on_answers
from cifarcnn.evaluation.metrics import cross_entropy
from cifarcnn.temperature import apply_temperature

ANSWERS = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.9, 0.1]], np.float32)


def test_the_record_says_what_it_does_to_these_images() -> None:
    labels = np.array([0, 0, 1, 1])
    found = fit_on_answers(ANSWERS, labels, "a" * 64)
    after = apply_temperature(ANSWERS, found.temperature)
    assert (found.weights_sha256, found.validation_pictures) == ("a" * 64, 4)
    assert found.loss_before == cross_entropy(ANSWERS, labels)
    assert found.loss == cross_entropy(after, labels) < found.loss_before
    # Of its right answers, the first three, the least sure is that of 0.7.
    least, next_one = (-np.log([p, 1 - p]).mean() for p in (0.7, 0.8))
    assert found.unsure_below == pytest.approx(0.9 * least + 0.1 * next_one)
    # Bins of one image each but for the two of 0.9: |1 - .8| + |1 - .7| + 2 |.5 - .9|
    assert found.calibration_error_before == pytest.approx(1.3 / 4, abs=1e-6)


def test_there_is_none_of_a_network_that_is_always_right() -> None:
    with pytest.raises(DataError) as caught:
        fit_on_answers(ANSWERS, np.array([0, 0, 1, 0]), "a" * 64)
    assert str(caught.value) == (
        "No temperature fits: 100.00% of the 4 validation pictures are recognised, and "
        "their loss becomes the smaller the surer the network is, without end. More "
        "validation pictures (data.validation_fraction) are needed."
    )


def test_there_is_none_of_a_network_that_knows_nothing() -> None:
    with pytest.raises(DataError) as caught:
        fit_on_answers(ANSWERS, np.array([1, 1, 1, 1]), "a" * 64)
    assert str(caught.value) == (
        "No temperature fits: 25.00% of the 4 validation pictures are recognised, and "
        "their loss becomes the smaller the less sure the network is, without end. It "
        "has to be trained further."
    )


def test_there_is_none_where_no_answer_is_right() -> None:
    # One that likelihood alone would find.
    answers = np.array([[0.5, 0.45, 0.05]], np.float32)
    with pytest.raises(DataError) as caught:
        fit_on_answers(answers, np.array([1]), "a" * 64)
    assert str(caught.value) == (
        "No temperature fits: none of the 1 validation pictures is recognised. The "
        "network has to be trained further."
    )
