"""The ways to write an augmentation, and the mistakes in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cifarcnn.config import load_config
from cifarcnn.config.augmentation import (
    AUGMENTATIONS,
    CutMix,
    MixUp,
    RandAugment,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from cifarcnn.config.datasets import DATASETS, DatasetFacts

if TYPE_CHECKING:
    from conftest import Check

MODEL = "model: {layers: [Flatten, {Dense: 10}]}\n"


def read(check: Check, text: str) -> list[object]:
    checked = check(f"data: {{augmentation: {text}}}\n{MODEL}")
    assert [str(problem) for problem in checked.problems] == []
    assert checked.config is not None
    return checked.config.data.augmentation


def complain(check: Check, text: str) -> tuple[str, str, str]:
    (problem,) = check(f"data: {{augmentation: {text}}}\n{MODEL}").problems
    return problem.path, problem.message, problem.hint


def test_names_shorthands_and_arguments_in_their_order(check: Check) -> None:
    found = read(
        check,
        "[CutMix, RandomFlip, RandomTranslation: 2, RandomErasing: {size: [3, 9]}, "
        "RandAugment: {factor: 0.3}, MixUp: 0.4, RandomFlip: vertical]",
    )
    assert found == [
        CutMix(alpha=1.0),
        RandomFlip(mode="horizontal", alternate=False),
        RandomTranslation(pixels=2, fill="reflect"),
        RandomErasing(size=(3, 9), probability=1.0, fill_value=128),
        RandAugment(num_ops=2, factor=0.3),
        MixUp(alpha=0.4),
        RandomFlip(mode="vertical"),
    ]


def test_one_size_is_the_smallest_and_the_largest(check: Check) -> None:
    assert read(check, "[RandomErasing: 12]") == [RandomErasing(size=(12, 12))]


def test_a_factor_is_a_range_to_both_sides_of_none(check: Check) -> None:
    text = (
        "[RandomRotation: 0.2, RandomRotation: [-0.1, 0.3], RandomZoom: -0.3, "
        "RandomZoom: {height_factor: 0.1, width_factor: [0, 1], fill: nearest}, "
        "RandomShear: {x_factor: 1, y_factor: 0.2, interpolation: nearest}]"
    )
    assert read(check, text) == [
        RandomRotation(factor=(-0.2, 0.2), fill="reflect", interpolation="bilinear"),
        RandomRotation(factor=(-0.1, 0.3)),
        RandomZoom(height_factor=(-0.3, 0.3), width_factor=None),
        RandomZoom(height_factor=(-0.1, 0.1), width_factor=(0.0, 1.0), fill="nearest"),
        RandomShear(
            x_factor=(-1.0, 1.0), y_factor=(-0.2, 0.2), interpolation="nearest"
        ),
    ]


@pytest.mark.parametrize(
    "name",
    [choice.__name__ for choice in AUGMENTATIONS],
)
def test_each_reads_back_what_it_writes(check: Check, tmp_path, name: str) -> None:
    checked = check(f"data: {{augmentation: [{name}]}}\n{MODEL}")
    assert checked.config is not None
    path = tmp_path / "written.yaml"
    path.write_text(checked.config.to_yaml())
    assert load_config(path) == checked.config


def test_overrides_replace_the_list(check: Check) -> None:
    text = f"data: {{augmentation: [RandomFlip]}}\n{MODEL}"
    checked = check(text, "data.augmentation=[MixUp, CutMix]")
    assert checked.config is not None
    assert checked.config.data.augmentation == [MixUp(), CutMix()]


AT = "data.augmentation[0]"
TURNS = "45 degrees are 0.125 of a full turn"
MISTAKES = [
    (
        "[RandomFlop]",
        (AT, "there is no augmentation 'RandomFlop'", "did you mean RandomFlip?"),
    ),
    (
        "[RandomFlip: {alternat: true}]",
        (
            f"{AT}.RandomFlip.alternat",
            "RandomFlip has no argument 'alternat'",
            "did you mean alternate?",
        ),
    ),
    (
        "[RandomFlip: sideways]",
        (
            f"{AT}.RandomFlip",
            "expected one of horizontal, vertical; found 'sideways'",
            "",
        ),
    ),
    (
        "[RandomTranslation: {pixels: 40}]",
        (
            f"{AT}.RandomTranslation.pixels",
            "expected a number of at most 31, found 40",
            "",
        ),
    ),
    (
        "[RandomTranslation: {fill: black}]",
        (
            f"{AT}.RandomTranslation.fill",
            "expected one of reflect, nearest, zero; found 'black'",
            "",
        ),
    ),
    (
        "[RandomRotation: 45]",
        (f"{AT}.RandomRotation", "expected a number of -1 to 1, found 45", TURNS),
    ),
    (
        "[RandomRotation: {factor: [-30, 0]}]",
        (
            f"{AT}.RandomRotation.factor[0]",
            "expected a number of at least -1, found -30",
            "",
        ),
    ),
    (
        "[RandomZoom: {height_factor: [0.2, -0.1]}]",
        (
            f"{AT}.RandomZoom.height_factor",
            "expected the smaller number first, found 0.2 before -0.1",
            "write [-0.1, 0.2]",
        ),
    ),
    (
        "[RandomShear: {y_factor: [0.1]}]",
        (
            f"{AT}.RandomShear.y_factor",
            "expected a number, or two of them [smallest, largest], found a list",
            "",
        ),
    ),
    (
        "[RandomShear: {fill: constant}]",
        (
            f"{AT}.RandomShear.fill",
            "expected one of reflect, nearest, zero; found 'constant'",
            "write zero",
        ),
    ),
    (
        "[RandomErasing: {size: big}]",
        (
            f"{AT}.RandomErasing.size",
            "expected a whole number of pixels, or two of them [smallest, largest], "
            "found 'big'",
            "",
        ),
    ),
    (
        "[RandomErasing: {size: [9, 3]}]",
        (
            f"{AT}.RandomErasing.size",
            "expected the smaller number first, found 9 before 3",
            "write [3, 9]",
        ),
    ),
    (
        "[RandomErasing: {size: [1, 2, 3]}]",
        (
            f"{AT}.RandomErasing.size",
            "expected a whole number of pixels, or two of them [smallest, largest], "
            "found a list",
            "",
        ),
    ),
    (
        "[MixUp: 0]",
        (f"{AT}.MixUp", "expected a number of at least 0.01, found 0", ""),
    ),
    (
        "[RandomBrightness: 0]",
        (f"{AT}.RandomBrightness", "expected a number above 0, found 0", ""),
    ),
    (
        "[{RandomFlip: {}, MixUp: {}}]",
        (
            AT,
            "expected one augmentation, as its name or as {Name: {argument: value}}, "
            "found a mapping of RandomFlip, MixUp",
            "begin every item with '- '",
        ),
    ),
    (
        "RandomFlip",
        (
            "data.augmentation",
            "expected a list, found 'RandomFlip'",
            "write [RandomFlip]",
        ),
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_mistakes_are_told_in_sentences(
    check: Check, text: str, expected: tuple[str, str, str]
) -> None:
    assert complain(check, text) == expected


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ("[RandomTranslation: 23]", f"{AT}.RandomTranslation", None),
        ("[RandomTranslation: 24]", f"{AT}.RandomTranslation", 24),
        ("[RandomErasing: {size: 40}]", f"{AT}.RandomErasing.size", 40),
        ("[RandomErasing: {size: [3, 24]}]", f"{AT}.RandomErasing.size[1]", 24),
    ],
)
def test_lengths_are_measured_against_the_images_of_the_data_set(
    check: Check, monkeypatch, text: str, path: str, found: int | None
) -> None:
    wide = DatasetFacts(DATASETS["cifar10"].class_names, (24, 48, 3))
    monkeypatch.setitem(DATASETS, "cifar10", wide)
    if found is None:
        read(check, text)
    else:
        message = f"expected a number of at most 23, found {found}"
        assert complain(check, text) == (path, message, "")


def test_every_length_that_is_too_large_is_told(check: Check) -> None:
    text = "[RandomTranslation: 32, RandomErasing: 33]"
    checked = check(f"data: {{augmentation: {text}}}\nmodel: {{layers: [Flat]}}\n")
    assert [problem.message for problem in checked.problems] == [
        "expected a number of at most 31, found 32",
        "expected a number of at most 31, found 33",
        "there is no layer 'Flat'",
    ]


def test_there_is_an_end_to_the_list(check: Check) -> None:
    path, message, _ = complain(check, f"[{', '.join(['MixUp'] * 17)}]")
    assert path == "data.augmentation"
    assert message == "expected at most 16 items, found 17"
