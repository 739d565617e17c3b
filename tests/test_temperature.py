from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.evaluation.metrics import cross_entropy
from cifarcnn.temperature import apply_temperature, fit_temperature


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def draw(
    count: int, classes: int, factor: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Answers of a network that is ``factor`` times too sure, and true classes."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (count, classes))
    sums = softmax(logits).cumsum(axis=1)
    labels = (generator.random((count, 1)) > sums).sum(axis=1)
    answers = softmax(factor * logits).astype(np.float32)
    return answers, np.minimum(labels, classes - 1).astype(np.uint8)


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_likelihood_is_greatest_there_as_scipy_finds_it(
    factor: float, classes: int
) -> None:
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    answers, labels = draw(4000, classes, factor)
    logits = np.log(np.maximum(answers.astype(np.float64), np.finfo(np.float32).tiny))

    def loss(inverse: float) -> float:
        scaled = log_softmax(inverse * logits, axis=1)
        return -float(scaled[np.arange(len(labels)), labels].mean())

    best = minimize_scalar(
        loss, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-9}
    )
    found = fit_temperature(answers, labels)
    assert found == pytest.approx(1 / best.x, rel=1e-4)
    # Which is how much too sure the answers were made, but for the luck of the draw.
    assert found == pytest.approx(factor, rel=0.1)
    after = apply_temperature(answers, found)
    assert cross_entropy(after, labels) == pytest.approx(best.fun, abs=1e-6)


def test_the_logits_are_divided_by_it() -> None:
    logits = np.array([[2.0, 1.0, -3.0], [0.0, 0.0, 0.0]])
    found = apply_temperature(softmax(logits), 2.0)
    assert found.dtype == np.float32
    assert found == pytest.approx(softmax(logits / 2), abs=1e-7)


def test_the_answers_stay_and_their_probabilities_add_up_to_1() -> None:
    answers, _ = draw(500, 10, 1.0)
    for temperature in (0.01, 0.7, 1.0, 3.0, 100.0):
        after = apply_temperature(answers, temperature)
        assert (after.argmax(axis=1) == answers.argmax(axis=1)).all()
        assert after.sum(axis=1) == pytest.approx(np.ones(500), abs=1e-5)
    assert apply_temperature(answers, 1.0) == pytest.approx(answers, abs=1e-7)
    assert apply_temperature(answers[:0], 2.0).shape == (0, 10)


def test_a_probability_of_0_stays_finite() -> None:
    sure = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0]], np.float32)
    for temperature in (0.01, 1.0, 100.0):
        assert np.isfinite(apply_temperature(sure, temperature)).all()
    # Two of three are right: so sure is it then, beside two classes that are alike.
    found = fit_temperature(sure, np.array([0, 1, 2]))
    after = apply_temperature(sure, found)
    assert after[0] == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-5)


def test_there_is_none_where_the_loss_falls_without_end() -> None:
    answers, _ = draw(200, 10, 1.0)
    # Everything right: the surer the better.
    assert fit_temperature(answers, answers.argmax(axis=1)) is None
    assert fit_temperature(np.array([[0.6, 0.4]]), np.array([0])) is None
    # Everything wrong, and answers that say nothing.
    assert fit_temperature(answers, answers.argmin(axis=1)) is None
    assert fit_temperature(np.full((5, 4), 0.25), np.array([0, 1, 2, 3, 0])) is None
