from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cifarcnn.page.numbers import (
    choose_decimals,
    round_to_total,
    show,
    show_percent,
    show_size,
)


@pytest.mark.parametrize(
    ("largest", "decimals"),
    [(0.5, 4), (1.0, 3), (9.99, 3), (12, 2), (255, 1), (4000, 0), (1e9, 0), (1e-9, 6),
     (0, 3), (math.inf, 3)],
)  # fmt: skip
def test_four_digits_of_the_largest_number_are_shown(
    largest: float, decimals: int
) -> None:
    assert choose_decimals(largest) == decimals


def test_a_negative_number_has_a_real_minus_and_zero_has_none() -> None:
    assert show(-1234.5, 1) == "\u22121,234.5"
    assert show(-0.0004, 3) == "0.000"
    assert show(-0.0006, 3) == "\u22120.001"
    assert show(0.5, 0) == "0"


def test_a_small_share_is_not_shown_as_none_nor_a_large_one_as_all() -> None:
    shares = (0, 1e-6, 0.0005, 0.316, 0.99951, 1)
    shown = ["0.0%", "< 0.1%", "0.1%", "31.6%", "> 99.9%", "100.0%"]
    assert [show_percent(share) for share in shares] == shown


def test_sizes_have_multiplication_signs() -> None:
    assert show_size((30, 30, 32)) == "30\u00d730\u00d732"
    assert show_size((1024,)) == "1,024"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=80), st.integers(0, 5))
def test_rounded_terms_add_up_to_the_rounded_total(
    terms: list[float], decimals: int
) -> None:
    shown, total = round_to_total(terms, math.fsum(terms), decimals)
    step = 10**-decimals
    assert math.fsum(shown) == pytest.approx(total, abs=step / 1000)
    assert total == pytest.approx(math.fsum(terms), abs=0.5001 * step)
    for term, rounded in zip(terms, shown, strict=True):
        assert abs(term - rounded) < 1.0001 * step


def test_where_the_total_is_not_the_sum_each_term_is_rounded() -> None:
    assert round_to_total([0.126, 0.241], 5.0, 2) == ([0.13, 0.24], 5.0)
