from __future__ import annotations

import numpy as np

from cifarcnn.inference.top_k import top_k

NAMES = ("red", "green", "blue")


def test_top_is_sorted_short_and_in_class_order_for_ties() -> None:
    row = np.array([0.25, 0.5, 0.25], np.float32)
    assert top_k(row, NAMES, 2) == [("green", 0.5), ("red", 0.25)]
    assert len(top_k(row, NAMES, 99)) == 3


def test_a_probability_is_the_shortest_decimal_of_its_float() -> None:
    row = np.array([0.93, 0.07], np.float32)
    assert top_k(row, ("a", "b"), 2) == [("a", 0.93), ("b", 0.07)]
