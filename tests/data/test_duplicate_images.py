"""Images that are there more than once."""

from __future__ import annotations

import numpy as np

from cifarcnn.data.duplicate_images import find_duplicates, find_overlap


def images(*values: int) -> np.ndarray:
    """Images that differ in their last pixel alone."""
    made = np.zeros((len(values), 4, 5, 3), np.uint8)
    made[:, -1, -1, -1] = values
    return made


def test_what_was_there_before_is_found_with_its_first_place():
    assert find_duplicates(images(7, 8, 7, 9, 7, 9)) == [(2, 0), (4, 0), (5, 3)]
    assert find_duplicates(images(1, 2, 3)) == []
    assert find_duplicates(images()) == []


def test_what_is_known_is_found():
    found = find_overlap(images(5, 6, 7), images(1, 7, 5, 7))
    assert found == [(1, 2), (2, 0), (3, 2)]
    assert find_overlap(images(), images(1)) == []


def test_the_arrays_need_not_lie_in_one_piece():
    spread = np.concatenate([images(1, 2, 3)] * 2, axis=2)[:, :, ::2]
    assert find_overlap(spread, spread[1:]) == [(0, 1), (1, 2)]
