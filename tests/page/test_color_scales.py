from __future__ import annotations

import numpy as np
import pytest

from cifarcnn.page.color_scales import DIVERGING, SEQUENTIAL, paint


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB colours, 0 to 100: another measure than the one they follow."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722]
    cubic = np.where(light > 0.008856, np.cbrt(light), 7.787 * light + 16 / 116)
    return 116 * cubic - 16


def test_from_low_to_high_it_only_becomes_lighter_and_at_an_even_pace() -> None:
    steps = np.diff(lightness(SEQUENTIAL.astype(float))[::16])
    assert (steps > 0).all()
    assert steps.max() < 1.6 * steps.min()


def test_around_zero_both_sides_become_darker() -> None:
    light = lightness(DIVERGING.astype(float))[::8]
    assert (np.diff(light[:16]) > 0).all()
    assert (np.diff(light[16:]) < 0).all()
    assert abs(light[0] - light[-1]) < 12


def test_zero_is_a_light_grey() -> None:
    middle = DIVERGING[127:129].astype(int)
    assert np.ptp(middle) < 14
    assert middle.min() > 225


def test_the_sides_differ_for_colour_blind_eyes() -> None:
    # Blue against orange: they differ most in blue and red, not in red and green alone.
    below, above = DIVERGING[0].astype(int), DIVERGING[-1].astype(int)
    assert below[2] - below[0] > 100
    assert above[0] - above[2] > 100


def test_the_ends_of_a_scale_get_its_outermost_colours() -> None:
    painted = paint(np.array([[0.0, 2.0, 4.0, 9.0]]), 0.0, 4.0)
    assert painted.dtype == np.uint8
    for place, step in enumerate((0, 128, 255, 255)):
        assert (painted[0, place] == SEQUENTIAL[step]).all()


def test_with_negative_values_the_middle_of_the_scale_is_zero() -> None:
    painted = paint(np.array([[-4.0, 0.0, 4.0]]), -1.0, 4.0)
    assert (painted[0, 0] == DIVERGING[0]).all()
    assert (painted[0, 1] == DIVERGING[128]).all()
    assert (painted[0, 2] == DIVERGING[255]).all()


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_scale_without_extent_has_one_colour(value: float) -> None:
    painted = paint(np.full((2, 2), value), value, value)
    assert (painted == SEQUENTIAL[0]).all()
