from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.temperature import apply_temperature
from cifarcnn.unsure import find_unsure, fit_threshold, negative_energy


def test_the_score_is_the_energy_of_logits_whose_mean_is_0() -> None:
    logits = np.array([[3.0, -1.0, -2.0], [0.5, 0.0, -0.5], [0.0, 0.0, 0.0]])
    powers = np.exp(logits)
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    found = negative_energy(probabilities)
    assert found == pytest.approx(np.log(powers.sum(axis=1)), abs=1e-6)
    # Nobody can be less sure than this.
    assert found.argmin() == 2 and found[2] == pytest.approx(np.log(3), abs=1e-6)


def test_a_probability_of_0_is_as_sure_as_can_be() -> None:
    assert np.isfinite(negative_energy(np.array([[1, 0]], np.float32))).all()
    assert negative_energy(np.empty((0, 10), np.float32)).shape == (0,)


def test_the_threshold_lets_go_of_5_percent_of_the_right_answers() -> None:
    rng = np.random.default_rng(0)
    answers = apply_temperature(rng.dirichlet(np.ones(10), 1000), 1.0)
    labels = answers.argmax(axis=1)
    # Wrong ones, however sure, change nothing.
    labels[:200] = (labels[:200] + 1) % 10
    threshold = fit_threshold(answers, labels)
    assert threshold == fit_threshold(answers[200:], labels[200:])
    assert find_unsure(answers[200:], threshold).sum() == 40


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_same_answers_are_unsure_at_every_temperature(temperature: float) -> None:
    answers = np.random.default_rng(1).dirichlet(np.ones(10), 500).astype(np.float32)
    plain = find_unsure(answers, 3.0)
    assert 0 < plain.sum() < 500
    scaled = apply_temperature(answers, temperature)
    assert np.array_equal(find_unsure(scaled, 3.0, temperature), plain)
