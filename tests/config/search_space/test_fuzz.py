"""Whatever may vary: a space or problems; and of each combination a config or problems.

Set CIFARCNN_FUZZ_EXAMPLES to a large number to look for longer, with new examples.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cifarcnn.config import load_config
from cifarcnn.config.search_space import Range, SearchSpace, Value, read_search_space
from cifarcnn.errors import ConfigError, UsageError

EXAMPLES = os.environ.get("CIFARCNN_FUZZ_EXAMPLES")
bounded = settings(
    max_examples=int(EXAMPLES or 25),
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

NET = """
name: net
data: {dataset: synthetic, augmentation: [RandomFlip, RandomTranslation: 2]}
blocks:
  conv:
    parameters: {filters: 8, strides: 1}
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, strides: $strides, padding: same}
      - BatchNormalization
      - Activation: relu
model:
  layers:
    - conv
    - Repeat: {times: 2, layers: [Residual: [conv, SpatialDropout2D: 0.1]]}
    - MaxPooling2D: 2
    - Concatenate:
        branches: [[], [conv: {filters: 8}, PReLU: {shared_axes: [1, 2]}]]
    - Multiply: [[], [GlobalMaxPooling2D, Dense: 16]]
    - Residual: {layers: [Conv2D: {filters: 4, kernel_size: 3, kernel_regularizer: {
        L2: 0.01}}], shortcut: [conv: {filters: 4}, MaxPooling2D: {strides: 1,
        pool_size: 3}]}
    - Dropout: 0.5
    - GlobalAveragePooling2D
    - Dense: {units: 10, kernel_initializer: he_normal}
training:
  optimizer: {adam: {learning_rate: 0.01, clipnorm: 1}}
  learning_rate_schedule: cosine_decay
  class_weights: {cat: 2}
"""
KEYS = [
    *(f"model.layers[{number}]" for number in range(10)),
    "layers.1.times", "layers.1.Repeat.times", "layers.1.Repeat.layers.0",
    "layers[1].Repeat.layers[0].Residual[0]", "layers[1].Repeat.layers[0].Residual[1]",
    "layers[1].Repeat.layers[0].Residual[1].rate", "layers.2.pool_size",
    "layers.2.MaxPooling2D.strides", "layers.3.branches", "layers.3.branches.0",
    "layers.3.Concatenate.branches[1][0]", "layers.3.branches[1][0].conv.filters",
    "layers.3.branches[1][1].shared_axes", "layers.4.Multiply[1][1].units",
    "layers.4.Multiply[1]", "layers.5.shortcut[1]", "layers.5.shortcut",
    "layers.5.layers.0.filters", "layers.5.layers[0].Conv2D.kernel_size",
    "layers.5.layers[0].kernel_regularizer.l2", "layers.5.layers[0].kernel_regularizer",
    "layers.5.layers[0].Conv2D.kernel_size[0]", "layers.0.conv.filters", "layers.0",
    "layers.0.strides", "layers.6.rate", "layers.6.Dropout", "layers.8.Dense",
    "layers.8.kernel_initializer", "layers.8.Dense.kernel_initializer.HeNormal.seed",
    "blocks.conv.parameters.filters", "blocks.conv.parameters", "blocks.conv.layers.1",
    "blocks.conv", "blocks", "model", "training", "data", "data.augmentation",
    "augmentation.0", "augmentation[1].pixels", "augmentation[1].RandomTranslation",
    "batch_size", "epochs", "optimizer", "optimizer.adam", "optimizer.learning_rate",
    "optimizer.clipnorm", "optimizer.clipvalue", "learning_rate_schedule",
    "learning_rate_schedule.warmup_epochs", "class_weights", "class_weights.cat",
    "class_weights.dog", "averaging", "averaging.Lookahead.momentum", "precision",
    "early_stopping", "early_stopping.patience", "label_smoothing", "drop_remainder",
    "learning_rate_multipliers", "learning_rate_multipliers.*/beta", "normalization",
    "training.optimizer.exclude_from_weight_decay", "data.image_size", "resize", "x",
]  # fmt: skip
VALUES = [
    "null", "[]", "[[]]", "{}", "true", "0", "1", "2", "3", "8", "16", "0.1", "0.5",
    "1e-3", "relu", "Flatten", "Dense: 10", "{Dense: 10}", "conv", "[conv, conv]",
    "{conv: {filters: 4}}", "MaxPooling2D", "{MaxPooling2D: 3}", "{Dropout: 0.2}",
    "[{Dropout: 0.2}, BatchNormalization]", "[Flatten, {Dense: 8}]", "SGD", "adam",
    "{SGD: {momentum: 0.9}}", "{Adam: {clipvalue: 1}}", "{cat: 2}", "{cat:2}",
    "$filters",
    "{Residual: [conv]}", "{Repeat: {times: 2, layers: [conv]}}", "[3, 5]", "he_normal",
    "{L2: 0.1}", "{l2: 0.1}", "balanced", "{patience: 3}", "{epochs: 2}",
    "[RandomFlip]", "RandomFlip", "{RandomTranslation: 3}", "same", "'64'", "Lookahead",
    "{filters: 4}", "{layers: [Flatten, Dense: 10]}", "{parameters: {}, layers: []}",
    "{dataset: synthetic}", "{conv: {layers: [Flatten]}}", "[[], [conv]]", "standard",
]  # fmt: skip
RANGES = [
    "1..8", "1..3", "0..0.5", "0.1..0.5:log", "1..64:log", "8..64:step=8",
    "0..0.4:step=0.1", "1e-5..1e-1:log", "2..1", "0..1:log", "-1..1", "1..1e9", "0..9",
    "{low: 1, high: 4}", "{low: 0.1, high: 0.9, step: 0.2}", "{low: 1}", "1...2",
]  # fmt: skip

entries = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(RANGES)
    | st.lists(st.sampled_from(VALUES), min_size=1, max_size=4).map(", ".join),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fuzz")
    (path / "net.yaml").write_text(NET, encoding="utf-8")
    return path


def draw(space: SearchSpace, chance: random.Random) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for parameter in space.parameters:
        if isinstance(parameter, Range) and parameter.count is None:
            values[parameter.key] = chance.uniform(parameter.low, parameter.high)
        else:
            number = chance.randrange(parameter.count or 1)
            values[parameter.key] = parameter.value(number)
    return values


def hold(folder: Path, vary: list[str], file: Path | None, seed: int) -> None:
    try:
        space = read_search_space(folder / "net.yaml", vary, file)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.message and problem.message.isprintable()
            assert problem.file in ("--vary", str(file))
            assert problem.line >= 1 and problem.column >= 1
        return
    except UsageError as error:
        assert str(error)
        return
    assert json.loads(space.fingerprint())
    chance = random.Random(seed)
    for _ in range(4):
        values = draw(space, chance)
        try:
            config = space.apply(values)
        except ConfigError as error:
            assert error.problems
            continue
        text = space.write_config(values, ["The best of all."])
        (folder / "best.yaml").write_text(text, encoding="utf-8")
        assert load_config(folder / "best.yaml") == config


@given(given=st.lists(entries, min_size=1, max_size=4), seed=st.integers(0))
@bounded
def test_any_options(given: list[tuple[str, str]], seed: int, folder: Path) -> None:
    hold(folder, [f"{key}={space}" for key, space in given], None, seed)


@given(given=st.lists(entries, min_size=1, max_size=4), seed=st.integers(0))
@bounded
def test_any_file(given: list[tuple[str, str]], seed: int, folder: Path) -> None:
    lines = [
        f"{key}: {space if space in RANGES else f'[{space}]'}\n" for key, space in given
    ]
    file = folder / "space.yaml"
    file.write_text("".join(lines), encoding="utf-8")
    hold(folder, [], file, seed)


@given(option=st.text("abl.[]=01-{}: ',e", max_size=30) | st.text(max_size=30))
@bounded
def test_any_option(option: str, folder: Path) -> None:
    hold(folder, [option, f"batch_size={option}", f"{option}=1,2"], None, 0)


@given(text=st.text("ab: -\n\t[]{},'\"#.=1e$", max_size=80) | st.text(max_size=80))
@bounded
def test_any_text_as_a_file(text: str, folder: Path) -> None:
    file = folder / "space.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    hold(folder, [], file, 0)
