from __future__ import annotations

import pytest

from cifarcnn.hypothesis_tests import holm_correction, mcnemar_exact, paired_t_test


@pytest.mark.parametrize(
    ("first", "second"),
    [(0, 0), (1, 0), (0, 5), (3, 9), (10, 10), (10, 11), (121, 59), (3000, 2900)],
)
def test_mcnemars_test_is_the_binomial_test_of_scipy(first: int, second: int):
    from scipy.stats import binomtest

    count = first + second
    expected = binomtest(first, count, 0.5).pvalue if count else 1.0
    assert mcnemar_exact(first, second) == pytest.approx(expected, rel=1e-9)
    assert mcnemar_exact(second, first) == mcnemar_exact(first, second)


def test_mcnemars_test_by_hand():
    # (C(6, 0) + C(6, 1)) / 2**6, on both sides.
    assert mcnemar_exact(1, 5) == 2 * 7 / 64


def test_mcnemars_test_of_very_many_images_ends_at_0():
    assert mcnemar_exact(20_000, 0) == 0.0


def test_holms_correction_by_hand():
    # The smallest times three, the next times two, the last as it is.
    assert holm_correction([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm_correction([0.7, 0.6]) == [1.0, 1.0]
    assert holm_correction([0.2]) == [0.2]
    assert holm_correction([]) == []


# The hours of sleep gained by ten patients with two drugs, of Student's own paper.
DEXTRO = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
LAEVO = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_students_own_example():
    found = paired_t_test(DEXTRO, LAEVO)
    assert found is not None
    assert found.differences.mean == pytest.approx(1.58)
    assert found.t == pytest.approx(4.0621, abs=1e-4)
    assert found.p_value == pytest.approx(0.002833, abs=1e-6)


@pytest.mark.parametrize("count", [2, 3, 4, 7, 10])
def test_the_paired_test_is_that_of_scipy(count: int):
    from scipy.stats import ttest_rel

    found = paired_t_test(DEXTRO[:count], LAEVO[:count])
    expected = ttest_rel(LAEVO[:count], DEXTRO[:count])
    assert found is not None
    assert found.t == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-12)


def test_equal_differences_leave_nothing_to_test():
    found = paired_t_test([0.5, 0.25], [0.75, 0.5])
    assert found is not None
    assert (found.t, found.p_value) == (None, None)
    assert paired_t_test([0.5], [0.6]) is None
