"""Whatever a file holds, reading it gives a config or problems with their places.

Set CIFARCNN_FUZZ_EXAMPLES to a large number to look for longer, with new examples.
"""

from __future__ import annotations

import copy
import os
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cifarcnn.config import Config, check_config
from cifarcnn.config.shipped import shipped_folder, shipped_names
from cifarcnn.errors import UsageError

EXAMPLES = os.environ.get("CIFARCNN_FUZZ_EXAMPLES")
bounded = settings(
    max_examples=int(EXAMPLES or 150),
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

DEEP = """
name: deep
data: {dataset: synthetic, normalization: {mean: [1, 1, 1], deviation: [1, 1, 1]}}
blocks:
  conv:
    parameters: {filters: null, strides: 1}
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, strides: $strides, padding: same,
                 kernel_initializer: he_normal, kernel_regularizer: {L2: 0.001}}
      - BatchNormalization
      - Activation: relu
model:
  layers:
    - conv: {filters: 8}
    - Repeat:
        times: 2
        layers:
          - Residual:
              layers: [conv: {filters: 8}, SpatialDropout2D: 0.1]
              shortcut: []
    - Concatenate:
        branches: [[], [conv: {filters: 8}, PReLU: {shared_axes: [1, 2]}]]
    - Multiply: [[], [GlobalMaxPooling2D, Dense: {units: 16, kernel_constraint: {
        MaxNorm: {max_value: 3, axis: [0, 1]}}}]]
    - ZeroPadding2D: [[1, 2], [3, 4]]
    - SeparableConv2D: {filters: 16, kernel_size: [3, 1], strides: 2}
    - DepthwiseConv2D: {kernel_size: 3, depth_multiplier: 2}
    - GroupNormalization: 8
    - GlobalAveragePooling2D
    - Dense: {units: 10, activation: softmax}
training:
  epochs: 2
  optimizer: {AdamW: {learning_rate: 1e-3, weight_decay: 0.01, clipnorm: 1.0}}
  learning_rate_schedule: {StepDecay: {at_epochs: [1, 2], warmup_epochs: 0.5}}
  class_weights: {cat: 2.0}
  early_stopping: {patience: 2}
"""
STARTS = [DEEP, *(
    (shipped_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    for name in shipped_names()
)]  # fmt: skip
ODD = [
    None, True, False, 0, -1, 1, 3, 10**9, 10**30, 2.5, 1e-30, float("inf"), "", "3",
    "Flatten", "Conv2D", "Residual", "Repeat", "Adam", "conv", "$filters", "$", "relu",
    "synthetic", "article", "é", "\t", "\x07", "x" * 3000, [], {}, [[]], [1, 2, 3],
    {"a": 1}, {"layers": []}, {"Dense": 10}, {"Repeat": {"times": 5}}, [None], "no",
    {"conv": {"filters": 4}}, {"Residual": ["Flatten"]}, {"SGD": {"momentum": 2}},
    {"Multiply": [[], []]}, {"Concatenate": {"branches": [["Flatten"], []]}},
]  # fmt: skip
KEYS = [
    "layers", "name", "extends", "blocks", "model", "filters", "Conv2D", "Residual",
    "Repeat", "times", "shortcut", "parameters", "units", "", "data", "epoch", "x",
    "learning_rate", "Dense", "normalization", "mean", "Multiply", "branches", "axis",
]  # fmt: skip


def hold(data: bytes, folder: Path, overrides: list[str] | None = None) -> None:
    """Either a config or problems, each at a place that exists."""
    path = folder / "c.yaml"
    path.write_bytes(data)
    try:
        checked = check_config(path, overrides or [])
    except UsageError as error:
        assert str(error)
        return
    assert (checked.config is None) is bool(checked.problems)
    lines = data.decode("utf-8-sig", "replace").splitlines() or [""]
    for problem in checked.problems:
        assert problem.message and problem.message.isprintable()
        assert str(problem).count("\n") <= 3
        if problem.file == str(path):
            assert 1 <= problem.line <= max(len(lines), 1) + 1
            line = lines[problem.line - 1] if problem.line <= len(lines) else ""
            assert 1 <= problem.column <= len(line) + 1
    if checked.config is not None:
        text = checked.config.to_yaml()
        path.write_text(text, encoding="utf-8")
        again = check_config(path, [])
        assert isinstance(again.config, Config) and again.config == checked.config
        assert again.summary == checked.summary


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@given(data=st.binary(max_size=200))
@bounded
def test_any_bytes(data: bytes, folder: Path) -> None:
    hold(data, folder)


@given(text=st.text(max_size=200))
@bounded
def test_any_text(text: str, folder: Path) -> None:
    hold(text.encode("utf-8", "surrogatepass"), folder)


@given(text=st.text("ab: -\n\t[]{},'\"#&*!|>%@`\\?0e.~$é", max_size=80))
@bounded
def test_any_text_of_yamls_own_signs(text: str, folder: Path) -> None:
    hold(text.encode(), folder)


@given(start=st.sampled_from(STARTS), where=st.integers(0), what=st.text(max_size=5),
       length=st.integers(0, 12))  # fmt: skip
@bounded
def test_a_config_with_a_piece_of_its_text_replaced(
    start: str, where: int, what: str, length: int, folder: Path
) -> None:
    where %= len(start)
    text = start[:where] + what + start[where + length :]
    hold(text.encode("utf-8", "surrogatepass"), folder)


@given(setting=st.text("abz.[]=01-{}: 'e", max_size=30) | st.text(max_size=30))
@bounded
def test_any_setting(setting: str, folder: Path) -> None:
    hold(STARTS[-1].encode(), folder, [setting])


def places(value: object) -> list[tuple[object, object]]:
    """Every container in a tree with every key or index of it."""
    found: list[tuple[object, object]] = []
    pending = [value]
    while pending:
        node = pending.pop()
        items = (
            list(node.items())
            if isinstance(node, dict)
            else list(enumerate(node))
            if isinstance(node, list)
            else []
        )
        for key, inner in items:
            found.append((node, key))
            pending.append(inner)
    return found


def mutate(value: object, chance: random.Random) -> None:
    """Change one place of a tree: delete, replace, duplicate, rename or exchange."""
    spots = places(value)
    if not spots:
        return
    owner, key = chance.choice(spots)
    what = chance.randrange(6)
    if isinstance(owner, dict):
        if what == 0:
            del owner[key]
        elif what == 1:
            owner[chance.choice(KEYS)] = copy.deepcopy(owner[key])
        elif what == 2:
            owner[chance.choice(KEYS)] = owner.pop(key)
        elif what == 3:
            owner[key] = [copy.deepcopy(owner[key])] * 2
        else:
            owner[key] = copy.deepcopy(chance.choice(ODD))
    elif isinstance(owner, list):
        index = int(str(key))
        if what == 0:
            del owner[index]
        elif what == 1:
            owner.insert(index, copy.deepcopy(owner[index]))
        elif what == 2:
            chance.shuffle(owner)
        elif what == 3:
            donor, other = chance.choice(spots)
            owner[index] = copy.deepcopy(donor[other])  # type: ignore[index]
        else:
            owner[index] = copy.deepcopy(chance.choice(ODD))


@given(
    start=st.sampled_from(STARTS), seed=st.integers(0, 2**32), count=st.integers(1, 4)
)
@bounded
def test_a_config_with_some_of_its_values_changed(
    start: str, seed: int, count: int, folder: Path
) -> None:
    chance = random.Random(seed)
    value = yaml.safe_load(start)
    for _ in range(count):
        mutate(value, chance)
    hold(yaml.safe_dump(value, allow_unicode=True).encode(), folder)
