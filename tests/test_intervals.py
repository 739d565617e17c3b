from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.intervals import mean_of_shares, mean_with_interval, student_t_95


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 10, 29, 120, 999])
def test_students_t_is_that_of_scipy(degrees: int):
    from scipy.stats import t

    assert student_t_95(degrees) == pytest.approx(t.ppf(0.975, degrees), abs=1e-9)


def test_the_interval_of_a_mean_is_that_of_scipy():
    from scipy.stats import t

    figures = [0.861, 0.866, 0.868, 0.863, 0.867]
    found = mean_with_interval(figures)
    assert found is not None
    assert found.mean == pytest.approx(0.865)
    assert found.deviation == pytest.approx(np.std(figures, ddof=1))
    error = found.deviation / 5**0.5
    assert found.interval == pytest.approx(t.interval(0.95, 4, 0.865, error))


@pytest.mark.parametrize("figures", [[], [0.5]])
def test_of_fewer_than_two_figures_there_is_none(figures: list[float]):
    assert mean_with_interval(figures) is None


def test_figures_that_are_all_alike_have_no_width():
    found = mean_with_interval([0.5, 0.5])
    assert found is not None
    assert (found.deviation, found.interval) == (0.0, (0.5, 0.5))


def test_the_mean_of_shares_is_none_below_0_or_above_1():
    found = mean_of_shares([0.01, 0.2])
    assert found is not None and found.interval[0] == 0
    assert 0.105 < found.interval[1] == 1
    inner = [0.861, 0.866, 0.868]
    assert mean_of_shares(inner) == mean_with_interval(inner)
    assert mean_of_shares([0.5]) is None
