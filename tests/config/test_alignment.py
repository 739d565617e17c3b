"""Configs whose lists of layers are not of one length, side by side."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarcnn.config import Config, load_config
from cifarcnn.config.alignment import align
from cifarcnn.config.config_differences import find_config_differences

CONFIG = """
name: {name}
data: {{dataset: synthetic}}
model:
  layers:
{layers}
    - Dense: {{units: 10, activation: softmax}}
"""
FIRST = """
    - Conv2D: {filters: 8, kernel_size: 3}
    - MaxPooling2D
    - Conv2D: {filters: 16, kernel_size: 3}
    - Flatten
"""
# One more at the beginning, two behind the pooling, one changed, one left out.
SECOND = """
    - Dropout: 0.1
    - Conv2D: {filters: 8, kernel_size: 3}
    - MaxPooling2D
    - BatchNormalization
    - Activation: gelu
    - Conv2D: {filters: 24, kernel_size: 3}
    - GlobalAveragePooling2D
"""
THIRD = """
    - Conv2D: {filters: 8, kernel_size: 3, name: mine}
    - MaxPooling2D
    - Flatten
"""


@pytest.fixture
def configs(tmp_path: Path) -> list[Config]:
    loaded = []
    for name, layers in (("a", FIRST), ("b", SECOND), ("c", THIRD)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(CONFIG.format(name=name, layers=layers))
        loaded.append(load_config(path))
    return loaded


def test_the_layers_that_differ_are_side_by_side(configs: list[Config]) -> None:
    found = {each.path: each.values for each in find_config_differences(configs)}
    conv = "Conv2D: {kernel_size: [3, 3], filters: 16}"
    assert found == {
        "model.layers[-1]+1": ("nothing", "Dropout: {rate: 0.1}", "nothing"),
        "model.layers[0].Conv2D.name": ("nothing", "nothing", "mine"),
        "model.layers[1]+1": ("nothing", "BatchNormalization", "nothing"),
        "model.layers[1]+2": ("nothing", "Activation: {activation: gelu}", "nothing"),
        "model.layers[2]": (conv, "other arguments", "nothing"),
        "model.layers[2].Conv2D.filters": ("16", "24", "nothing"),
        "model.layers[3]": ("Flatten", "nothing", "Flatten"),
        "model.layers[3]+1": ("nothing", "GlobalAveragePooling2D", "nothing"),
    }


def test_equal_layers_are_no_difference_wherever_they_stand(
    configs: list[Config],
) -> None:
    first, _, _ = configs
    assert list(find_config_differences([first, first])) == []


NAMED = st.lists(st.sampled_from([{"A": {"x": 1}}, {"A": {"x": 2}}, {"B": {}}]))


@given(NAMED, NAMED)
def test_every_item_has_its_place_in_order(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    pairs = list(align(before, after))
    for side, items in enumerate((before, after)):
        places = [pair[side] for pair in pairs if pair[side] is not None]
        assert places == list(range(len(items)))
    both = [(i, j) for i, j in pairs if i is not None and j is not None]
    assert all(list(before[i]) == list(after[j]) for i, j in both)
    assert all(one < other for one, other in pairwise(both))
    if before == after:
        assert len(both) == len(before)
