"""What ``--vary`` and the file of ``--space`` mean, and the configs that come of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cifarcnn.config import load_config
from cifarcnn.config.search_space import (
    Choices,
    Range,
    SearchSpace,
    Value,
    read_search_space,
)
from cifarcnn.errors import ConfigError

NET = """name: net
data: {dataset: synthetic}
blocks:
  conv:
    parameters: {filters: 8}
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, padding: same}
      - Activation: relu
model:
  layers:
    - conv
    - MaxPooling2D: 2
    - conv: {filters: 16}
    - Dropout: 0.5
    - Residual: [conv: {filters: 16}]
    - MaxPooling2D: 2
    - Flatten
    - Dense: {units: 10, kernel_regularizer: {L2: 0.01}}
    - Repeat: {times: 2, layers: [Dense: 10]}
training:
  optimizer: {adam: 0.01}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, encoding="utf-8")


def read(*vary: str, space: str = "") -> SearchSpace:
    Path("space.yaml").write_text(space, encoding="utf-8")
    return read_search_space("net.yaml", vary, Path("space.yaml") if space else None)


RATE = "training.optimizer.Adam.learning_rate"
PARAMETERS = {
    "layers.8.times=1..3": Range("model.layers[8].Repeat.times", 1, 3, is_integer=True),
    "optimizer.learning_rate=1e-4..1e-1:log": Range(RATE, 1e-4, 0.1, log=True),
    "training.optimizer.Adam.learning_rate=1..2": Range(RATE, 1.0, 2.0),
    "training.optimizer.adam.learning_rate=1..2:step=.5": Range(
        RATE, 1.0, 2.0, step=0.5
    ),
    "batch_size=16..256:log": Range(
        "training.batch_size", 16, 256, log=True, is_integer=True
    ),
    "training.batch_size=8..64:step=8": Range(
        "training.batch_size", 8, 64, step=8, is_integer=True
    ),
    "training.batch_size={low: 8, high: 64, step: 8}": Range(
        "training.batch_size", 8, 64, step=8, is_integer=True
    ),
    "training.batch_size=64,128, 256": Choices(
        "training.batch_size", ("64", "128", "256")
    ),
    "training.batch_size=[64, 128]": Choices("training.batch_size", ("64", "128")),
    "blocks.conv.parameters.filters=4..8": Range(
        "blocks.conv.parameters.filters", 4, 8, is_integer=True
    ),
    "model.layers.0.filters=4,8": Choices("model.layers[0].conv.filters", ("4", "8")),
    "model.layers.0.conv.filters=4,8": Choices(
        "model.layers[0].conv.filters", ("4", "8")
    ),
    "layers[8].Repeat.times=1..3": Range(
        "model.layers[8].Repeat.times", 1, 3, is_integer=True
    ),
    "layers[8].Repeat.layers[0].use_bias=true,false": Choices(
        "model.layers[8].Repeat.layers[0].Dense.use_bias", ("true", "false")
    ),
    "layers[3].Dropout.rate=0..0.5": Range("model.layers[3].Dropout.rate", 0.0, 0.5),
    "layers.3.rate=0..0.5": Range("model.layers[3].Dropout.rate", 0.0, 0.5),
    "layers.7.kernel_regularizer.l2=0..0.5": Range(
        "model.layers[7].Dense.kernel_regularizer.L2.l2", 0.0, 0.5
    ),
    "drop_remainder=true,false": Choices("training.drop_remainder", ("true", "false")),
    "layers.7.units=null..10": None,
    "training.early_stopping=null,{patience: 3}": Choices(
        "training.early_stopping", ("null", "{patience: 3}")
    ),
    "learning_rate_schedule.warmup_epochs=0..5": Range(
        "training.learning_rate_schedule.Constant.warmup_epochs", 0.0, 5.0
    ),
    "averaging.Lookahead.momentum=0..0.9": Range(
        "training.averaging.Lookahead.momentum", 0.0, 0.9
    ),
    "layers.0.kernel_size=3..5": None,
    "layers.1.MaxPooling2D.pool_size=2..3": Range(
        "model.layers[1].MaxPooling2D.pool_size", 2, 3, is_integer=True
    ),
}


@pytest.mark.parametrize("option", PARAMETERS)
def test_an_option_says_what_may_vary(option: str) -> None:
    if (expected := PARAMETERS[option]) is None:
        with pytest.raises(ConfigError):
            read(option)
    else:
        assert read(option).parameters == (expected,)


def test_what_stands_for_a_choice_is_short_and_shows_on_any_terminal() -> None:
    many = f"[{', '.join(['BatchNormalization'] * 4)}"
    unused = "blocks.conv.parameters.unused"
    space = read(f"layers.3={many}],{many}, PReLU],null", f"{unused}=\u202ea,b")
    short = "[BatchNormalization, BatchNormalization, BatchNormalizati..."
    assert space.parameters == (
        Choices("model.layers[3]", (short, f"{short} #2", "null")),
        Choices(unused, (r"\u202ea", "b")),
    )


def test_a_file_says_the_same_in_yaml() -> None:
    space = read(
        "epochs=2..4",
        space="""
optimizer.learning_rate: {low: 1e-4, high: 1e-1, log: true}
training.batch_size: [64, 128]
training.label_smoothing: 0..0.5
model.layers[3]: [{Dropout: 0.2}, null, [Dropout: 0.1, BatchNormalization]]
model.layers[6]:
  - Flatten
  - GlobalAveragePooling2D
""",
    )
    assert space.parameters == (
        Range("training.epochs", 2, 4, is_integer=True),
        Range(RATE, 1e-4, 0.1, log=True),
        Choices("training.batch_size", ("64", "128")),
        Range("training.label_smoothing", 0.0, 0.5),
        Choices(
            "model.layers[3]",
            ("{Dropout: 0.2}", "null", "[{Dropout: 0.1}, BatchNormalization]"),
        ),
        Choices("model.layers[6]", ("Flatten", "GlobalAveragePooling2D")),
    )


def test_values_make_the_config_that_set_makes() -> None:
    filters = "blocks.conv.parameters.filters"
    space = read("optimizer.learning_rate=1e-4..0.1", f"{filters}=4..8")
    values: dict[str, Value] = {RATE: 0.02, filters: 5}
    settings = [f"{key}={value}" for key, value in values.items()]
    assert space.apply(values) == load_config("net.yaml", settings=settings)


def types(space: SearchSpace, values: dict[str, Value]) -> str:
    return " ".join(layer.type for layer in space.apply(values).model.layers)


def test_layers_are_left_out_and_put_in_where_the_config_had_them() -> None:
    space = read(
        "layers.1=null,MaxPooling2D,AveragePooling2D",
        "layers.3={Dropout: 0.2},[BatchNormalization, PReLU],[]",
        "layers.5.MaxPooling2D.pool_size=2..4",
    )
    left_out: dict[str, Value] = {
        "model.layers[1]": "null",
        "model.layers[3]": "[]",
        "model.layers[5].MaxPooling2D.pool_size": 4,
    }
    conv, end = "Conv2D Activation", "Residual MaxPooling2D Flatten Dense Dense Dense"
    assert types(space, left_out) == f"{conv} {conv} {end}"
    config = space.apply(left_out)
    assert getattr(config.model.layers[5], "pool_size", None) == (4, 4)
    put_in = left_out | {
        "model.layers[1]": "AveragePooling2D",
        "model.layers[3]": "[BatchNormalization, PReLU]",
    }
    assert types(space, put_in) == (
        f"{conv} AveragePooling2D {conv} BatchNormalization PReLU {end}"
    )


def test_a_choice_takes_the_place_of_the_whole_value() -> None:
    space = read("optimizer=Adam,{SGD: {momentum: 0.9}},{Adam: {beta_1: 0.8}}")
    for text in ("Adam", "{Adam: {beta_1: 0.8}}"):
        optimizer = space.apply({"training.optimizer": text}).training.optimizer
        # Not 0.01, as the config has it.
        assert optimizer.learning_rate == 0.001


def test_the_best_config_reads_back_as_it_was() -> None:
    space = read("layers.3=null,{Dropout: 0.2}", "optimizer.learning_rate=1e-4..1e-1")
    values: dict[str, Value] = {"model.layers[3]": "null", RATE: 1 / 300}
    text = space.write_config(values, ["Trial 7.", "", "two\nlines: {"])
    assert text.startswith("# Trial 7.\n#\n# two\\nlines: {\nname: net\n")
    Path("best.yaml").write_text(text, encoding="utf-8")
    assert load_config("best.yaml") == space.apply(values)


def test_a_checked_config_can_be_the_beginning() -> None:
    config = load_config("net.yaml")
    space = read_search_space(config, ["training.batch_size=64,128"])
    assert space.base == config
    assert space.apply({"training.batch_size": "64"}).training.batch_size == 64
