"""What a plain word means: YAML 1.2, where YAML 1.1 would often say something else."""

from __future__ import annotations

import math

import pytest

from cifarcnn.config.yaml_text import parse
from cifarcnn.config.yaml_tree import is_number, resolve

MEANINGS = [
    # What YAML 1.1 takes for a text is a number.
    ("1e-3", 0.001),
    ("1e3", 1000.0),
    ("1E-3", 0.001),
    ("1E5", 100000.0),
    ("1.0e-3", 0.001),
    ("-1e+2", -100.0),
    ("0o14", 12),
    # What YAML 1.1 takes for something else is a text, or another number.
    ("no", "no"),
    ("NO", "NO"),
    ("yes", "yes"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("n", "n"),
    ("012", 12),
    ("1_000", "1_000"),
    ("12:30", "12:30"),
    ("1:20:30", "1:20:30"),
    ("2026-01-01", "2026-01-01"),
    ("=", "="),
    ("0b101", "0b101"),
    # The same in both.
    ("~", None),
    ("null", None),
    ("Null", None),
    ("NULL", None),
    ("", None),
    ("nUll", "nUll"),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("false", False),
    ("False", False),
    ("FALSE", False),
    ("tRue", "tRue"),
    ("0", 0),
    ("-7", -7),
    ("+7", 7),
    ("0x1F", 31),
    ("0xg", "0xg"),
    ("-0x1F", "-0x1F"),
    ("3.14", 3.14),
    (".5", 0.5),
    ("5.", 5.0),
    ("-.5e1", -5.0),
    (".", "."),
    ("1e", "1e"),
    ("e1", "e1"),
    ("1.2.3", "1.2.3"),
    ("1,5", "1,5"),
    ("١", "١"),
    (".inf", math.inf),
    ("+.Inf", math.inf),
    ("-.INF", -math.inf),
    ("inf", "inf"),
    ("nan", "nan"),
    ("Flatten", "Flatten"),
]


@pytest.mark.parametrize(("text", "meaning"), MEANINGS, ids=[t for t, _ in MEANINGS])
def test_a_plain_word_means_what_yaml_1_2_says(text: str, meaning: object) -> None:
    assert resolve(text) == meaning
    assert type(resolve(text)) is type(meaning)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number(text: str) -> None:
    value = resolve(text)
    assert isinstance(value, float) and math.isnan(value)


@pytest.mark.parametrize("text", [t for t, _ in MEANINGS if t != ""])
@pytest.mark.parametrize("quotes", ["'{}'", '"{}"'])
def test_in_quotes_every_word_is_a_text(text: str, quotes: str) -> None:
    written = quotes.format(text)
    assert parse(f"k: {written}", "f").plain() == {"k": text}


@pytest.mark.parametrize(
    ("text", "yes"),
    [("1", True), ("0x1", True), ("1e5", True), (".inf", False), ("x", False)],
)
def test_is_number_says_what_resolve_makes_a_number(text: str, yes: bool) -> None:
    assert is_number(text) is yes


def test_a_whole_number_may_have_40_digits_and_not_one_more() -> None:
    assert resolve("9" * 40) == 10**40 - 1
    with pytest.raises(ValueError, match="^a number of 41 digits$"):
        resolve("9" * 41)


def test_a_decimal_number_may_be_as_long_as_it_likes() -> None:
    assert resolve("0." + "3" * 5000) == pytest.approx(1 / 3)
