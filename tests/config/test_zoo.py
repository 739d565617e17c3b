"""The published networks: as many parameters as published, and headers that say so."""

from __future__ import annotations

import re

import pytest

from cifarcnn.config import load_config
from cifarcnn.config.loading import check_config
from cifarcnn.config.shipped import (
    find_shipped,
    read_headline,
    shipped_names,
    zoo_names,
)

# As published, or worked out from what was; each header says which.
PARAMETERS = {
    "all-cnn-c": 1_369_738,
    "cifar10-cnn": 1_250_858,
    "convmixer": 602_890,
    "densenet-bc-100": 793_150,
    "lenet": 62_006,
    "mobilenet-v2": 2_270_794,
    "nin": 966_986,
    "resnet20": 274_442,
    "resnet9": 6_577_600,
    "se-resnet20": 276_815,
    "vgg16-bn": 15_001_418,
    "wrn-16-4": 2_752_506,
}
# By their papers, in millions, without moving means and variances.
SAID = {"all-cnn-c": 1.4, "densenet-bc-100": 0.8, "nin": 0.97, "wrn-16-4": 2.7}


def read_header(name: str) -> str:
    path = find_shipped(name)
    assert path is not None
    text, _ = path.read_text(encoding="utf-8").split(f"\n\nname: {name}\n")
    lines = text.splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../config.schema.json"
    assert all(len(line) <= 100 and line.startswith("#") for line in lines)
    return " ".join(line.removeprefix("#").strip() for line in lines)


@pytest.mark.parametrize("name", zoo_names())
def test_it_has_the_parameters_that_were_published(name: str) -> None:
    checked = check_config(name)
    assert checked.problems == ()
    assert checked.summary.parameters == PARAMETERS[name]
    if name in SAID:
        moving = sum(
            2 * row.output_shape[-1]
            for row in checked.summary.rows
            if row.type == "BatchNormalization"
        )
        weights = (checked.summary.parameters - moving) / 1e6
        digits = len(str(SAID[name]).partition(".")[2])
        assert round(weights, digits) == SAID[name]


def test_every_network_is_counted() -> None:
    assert list(PARAMETERS) == zoo_names()


@pytest.mark.parametrize("name", zoo_names())
def test_the_header_tells_source_size_command_and_that_nothing_was_measured(
    name: str,
) -> None:
    header = read_header(name)
    assert f"{PARAMETERS[name]:,} parameters" in header
    assert f"cifarcnn train --config {name}" in header
    assert re.search(r"\b(19|20)\d\d\b", header)
    assert "Not trained here." in header
    assert "%" not in header and "accuracy of" not in header


@pytest.mark.parametrize("name", [*shipped_names(), *zoo_names()])
def test_its_first_line_says_in_a_sentence_what_it_is(name: str) -> None:
    path = find_shipped(name)
    assert path is not None
    headline = read_headline(path)
    assert headline.endswith(".") and len(headline) <= 65
    assert f"# {headline}\n#\n" in path.read_text(encoding="utf-8")
    assert load_config(name).name == name == path.stem


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("wrn16-4", "wrn-16-4"),
        ("WRN_16_4", "wrn-16-4"),
        ("ResNet-20", "resnet20"),
        ("all_cnn_c", "all-cnn-c"),
        ("article_regularized", "article-regularized"),
    ],
)
def test_names_are_found_however_they_are_joined(typed: str, name: str) -> None:
    path = find_shipped(typed)
    assert path is not None and path.stem == name
    assert load_config(typed) == load_config(name)


def test_no_two_configs_have_names_that_differ_in_joints_alone() -> None:
    for name in (*shipped_names(), *zoo_names()):
        path = find_shipped(name)
        assert path is not None and path.stem == name
