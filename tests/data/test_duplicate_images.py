"""Images that are there more than once."""

from __future__ import annotations

import numpy as np

from cifarcnn.data.decoding.file_reading import digest_pixels
from cifarcnn.data.duplicate_images import find_groups, pair_up


def digests(*values: int) -> np.ndarray:
    """Of images that differ in their last pixel alone."""
    made = np.zeros((len(values), 4, 5, 3), np.uint8)
    made[:, -1, -1, -1] = values
    found = [np.frombuffer(digest_pixels(image), np.uint8) for image in made]
    return np.array(found, np.uint8).reshape(-1, 32)


def test_what_was_there_before_is_found_with_its_first_place():
    groups = find_groups([digests(7, 8, 7, 9, 7, 9)])
    assert groups == ((0, 2, 4), (3, 5))
    assert pair_up(groups, [0] * 6) == {(0, 0): [(2, 0), (4, 0), (5, 3)]}
    assert find_groups([digests(1, 2, 3)]) == ()
    assert find_groups([digests(), digests()]) == ()


def test_what_is_in_an_earlier_part_is_found_there():
    groups = find_groups([digests(5, 6, 7), digests(1, 7, 5, 7)])
    assert groups == ((0, 5), (2, 4, 6))
    assert pair_up(groups, [0, 0, 0, 1, 1, 1, 1]) == {
        (1, 0): [(4, 2), (5, 0), (6, 2)],
        (1, 1): [(6, 4)],
    }
    assert find_groups([digests(), digests(1)]) == ()


def test_an_image_may_be_in_three_parts_whatever_their_order():
    groups = find_groups([digests(1, 1, 1)])
    assert pair_up(groups, [2, 0, 1]) == {
        (1, 0): [(2, 1)],
        (2, 0): [(0, 1)],
        (2, 1): [(0, 2)],
    }
