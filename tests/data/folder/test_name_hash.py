"""Where an image is cut to, by its name."""

from __future__ import annotations

import hashlib
import os
import unicodedata

import pytest

from cifarcnn.data.folder.name_hash import TEST, measure_position, validation_salt


def test_a_position_is_the_same_for_ever():
    assert measure_position(TEST, "cat", "1.png") == 0.17547929222018444
    by_hand = hashlib.sha256(b"test\ncat\n1.png").digest()[:8]
    assert measure_position(TEST, "cat", "1.png") == (
        (int.from_bytes(by_hand, "big") >> 12) / 2**52
    )


def test_positions_are_spread_evenly_and_apart_for_each_use():
    names = [f"{number}.png" for number in range(4000)]
    test = [measure_position(TEST, "owl", name) for name in names]
    validation = [measure_position(validation_salt(0), "owl", name) for name in names]
    other_seed = [measure_position(validation_salt(1), "owl", name) for name in names]
    for found in (test, validation, other_seed):
        assert 0 <= min(found) and max(found) < 1
        assert sum(position < 0.1 for position in found) == pytest.approx(400, abs=60)
    both = sum(
        one < 0.5 and two < 0.5 for one, two in zip(test, validation, strict=True)
    )
    assert both == pytest.approx(1000, abs=100)
    assert validation != other_seed


@pytest.mark.parametrize("name", ["caf\u00e9.png", "\u1e69.png", "\uac00.png"])
def test_the_forms_of_accents_do_not_move_an_image(name):
    apart = unicodedata.normalize("NFD", name)
    assert apart != name
    assert measure_position(TEST, "x", apart) == measure_position(TEST, "x", name)
    assert measure_position(TEST, apart, "x") == measure_position(TEST, name, "x")


def test_a_name_of_any_bytes_has_a_position():
    assert 0 <= measure_position(TEST, "x", os.fsdecode(b"caf\xe9.png")) < 1
