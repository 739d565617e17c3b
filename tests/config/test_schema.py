"""Defaults, round trips, and values of the wrong kind in every place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from cifarcnn.config import ChannelStatistics, Config, load_config
from cifarcnn.config.encoding import LARGEST_FILE_BYTES
from cifarcnn.config.expansion import MOST_LAYERS
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.learning_rate_schedules import Constant
from cifarcnn.config.optimizers import SGD, Adam
from cifarcnn.config.shipped import shipped_names

if TYPE_CHECKING:
    from conftest import Check

MINIMAL = "model: {layers: [Flatten, Dense: 10]}\n"


def config_of(check: Check, text: str) -> Config:
    checked = check(text)
    assert [str(problem) for problem in checked.problems] == []
    assert checked.config is not None
    return checked.config


def test_a_model_is_all_that_a_config_needs(check: Check) -> None:
    config = config_of(check, MINIMAL)
    assert config.name == "run"
    assert config.data.model_dump() == {
        "dataset": "cifar10",
        "path": None,
        "fetch": False,
        "sources": [],
        "classes": None,
        "image_size": None,
        "resize": "crop",
        "validation_fraction": 0.1,
        "fold": None,
        "test_fraction": 0.1,
        "damaged": "refuse",
        "duplicates": "refuse",
        "normalization": "unit",
        "augmentation": [],
    }
    training = config.training
    assert (training.epochs, training.batch_size, training.seed) == (10, 128, 0)
    assert training.optimizer == Adam(learning_rate=0.001)
    assert training.learning_rate_schedule == Constant(warmup_epochs=0.0)
    assert (training.best_by, training.weights) == ("val_loss", "best")
    assert (training.early_stopping, training.class_weights) == (None, None)
    assert training.label_smoothing == 0.0


def test_the_resolved_config_has_every_default_written_out(check: Check) -> None:
    def keys(value: object) -> set[str]:
        if isinstance(value, BaseModel):
            inner = [getattr(value, key) for key in type(value).model_fields]
            return set(type(value).model_fields).union(*map(keys, inner))
        if isinstance(value, list):
            return set().union(*map(keys, value))
        return set()

    config = config_of(check, MINIMAL)
    text = config.to_yaml()
    assert {key for key in keys(config) if f"{key}:" not in text} == set()


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_config_comes_back_from_its_resolved_text(
    name: str, check: Check
) -> None:
    config = load_config(name)
    again = config_of(check, config.to_yaml())
    assert again == config
    assert again.to_yaml() == config.to_yaml()


RICH = """
name: no
data:
  dataset: folder
  path: "1e-3 # é猫: x"
  classes: ["no", "12:30", "1e5", "~", "", "a b", "0o14", "-", "é"]
  validation_fraction: 0.25
  normalization: {mean: [0.5, 1e-7, 0], deviation: [1, 0.2, 3e-5]}
blocks:
  unit:
    parameters: {filters: null}
    layers:
      - Residual:
          layers:
            - Conv2D: {filters: $filters, kernel_size: [3, 1], padding: same,
                       kernel_initializer: {RandomNormal: {stddev: 1e-5}},
                       kernel_regularizer: {L1L2: {l1: 1e-6, l2: 1e-12}}}
            - GroupNormalization: -1
          shortcut: [Dense: $filters]
model:
  layers:
    - ZeroPadding2D: [[1, 2], 3]
    - Repeat: {times: 2, layers: [unit: {filters: 4}]}
    - AveragePooling2D: {pool_size: 2, strides: 1}
    - Flatten
    - Dense: {units: 9, bias_initializer: {Constant: -0.5}}
training:
  optimizer: {RMSprop: {learning_rate: 1e-4, centered: true, clipnorm: 1}}
  learning_rate_schedule: {StepDecay: {at_epochs: [1, 2.5], warmup_epochs: 0.5}}
  class_weights: {"no": 1, "1e5": 0.5, "": 2}
  early_stopping: {patience: 3}
  seed: 4294967295
"""


def test_a_rich_config_comes_back_from_its_resolved_text(check: Check) -> None:
    config = config_of(check, RICH)
    assert config.data.classes is not None and config.data.classes[0] == "no"
    assert config_of(check, config.to_yaml()) == config


@pytest.mark.parametrize(
    "value",
    ["no", "1e-3", "0o17", "12:30", "a: b", " x ", "x\u2028y", "C:\\x", "'", "é", "~"],
)
def test_any_text_comes_back_as_it_was(value: str, check: Check) -> None:
    config = config_of(check, MINIMAL).with_data(path=value)
    assert config_of(check, config.to_yaml()).data.path == value


@pytest.mark.slow
def test_the_largest_network_can_be_read_back(check: Check) -> None:
    every = ", ".join(
        f"{key}: {{VarianceScaling: {{scale: 1.2345678e-10}}}}"
        for key in (
            "depthwise_initializer",
            "pointwise_initializer",
            "bias_initializer",
        )
    )
    penalties = ", ".join(
        f"{key}_regularizer: {{L1L2: {{l1: 1.2345678e-10, l2: 1.2345678e-10}}}}"
        for key in ("depthwise", "pointwise", "bias", "activity")
    )
    layer = f"SeparableConv2D: {{filters: 1, kernel_size: 1, {every}, {penalties}}}"
    times = MOST_LAYERS - 2
    text = (
        f"model:\n  layers: [Repeat: {{times: {times}, layers: [{layer}]}}, Flatten, "
    )
    config = config_of(check, text + "Dense: 10]\n")
    resolved = config.to_yaml().encode()
    assert LARGEST_FILE_BYTES / 3 < len(resolved) < LARGEST_FILE_BYTES
    assert config_of(check, resolved.decode()) == config


def test_measured_statistics_take_the_place_of_standard(check: Check) -> None:
    config = config_of(check, f"data: {{normalization: standard}}\n{MINIMAL}")
    statistics = ChannelStatistics(mean=[0.4, 0.5, 0.6], deviation=[0.1, 0.2, 0.3])
    measured = config.with_normalization(statistics)
    assert measured.data.normalization == statistics
    assert config.data.normalization == "standard"
    assert config_of(check, measured.to_yaml()) == measured


@pytest.mark.parametrize(
    ("data", "count"),
    [
        ("dataset: cifar10", 10),
        ("dataset: synthetic", 10),
        ("dataset: cifar100", 100),
        ("dataset: folder, path: x", None),
        ("dataset: folder, path: x, classes: [a, b]", 2),
    ],
)
def test_the_number_of_classes_is_known_from_the_config(
    data: str, count: int | None, check: Check
) -> None:
    text = f"data: {{{data}}}\nmodel: {{layers: [Flatten, Dense: {count or 5}]}}"
    assert config_of(check, text).class_count == count


def test_a_config_cannot_be_changed(check: Check) -> None:
    with pytest.raises(ValidationError):
        config_of(check, MINIMAL).name = "other"


def test_short_spellings_of_keras_are_understood(check: Check) -> None:
    config = config_of(
        check,
        "training: {optimizer: {sgd: {nesterov: true}}, learning_rate_schedule: "
        f"cosine_decay}}\n{MINIMAL}",
        )  # fmt: skip
    assert config.training.optimizer == SGD(nesterov=True)
    assert config.training.learning_rate_schedule.type == "CosineDecay"
    for name in ("adam", "adamw", "rmsprop", "nadam", "lion", "adafactor"):
        config = config_of(check, f"training: {{optimizer: {name}}}\n{MINIMAL}")
        assert config.training.optimizer.type.lower() == name


# --- values of the wrong kind --------------------------------------------------------

WEIRD = [
    "null", "3", "-1", "2.5", "true", "word", "''", "[]", "{}", "[1, [2], {a: 1}]",
    "{a: {b: [1]}}", "{3: {}}", "[null]", "[[]]", ".inf", "'$x'", "$x",
    "1000000000000000000000000000000",
]  # fmt: skip
PLACES = [
    "{}",
    "name: {}",
    "data: {}",
    "data: {{dataset: {}}}",
    "data: {{path: {}}}",
    "data: {{classes: {}, dataset: folder, path: x}}",
    "data: {{validation_fraction: {}}}",
    "data: {{normalization: {}}}",
    "data: {{normalization: {{mean: {}, deviation: [1, 1, 1]}}}}",
    "training: {}",
    "training: {{epochs: {}}}",
    "training: {{optimizer: {}}}",
    "training: {{optimizer: {{SGD: {}}}}}",
    "training: {{optimizer: {{SGD: {{learning_rate: {}}}}}}}",
    "training: {{learning_rate_schedule: {}}}",
    "training: {{learning_rate_schedule: {{StepDecay: {{at_epochs: {}}}}}}}",
    "training: {{early_stopping: {}}}",
    "training: {{class_weights: {}}}",
    "model: {}",
    "model: {{layers: {}}}",
    "model: {{layers: [{}, Flatten, Dense: 10]}}",
    "model: {{layers: [Conv2D: {}, Flatten, Dense: 10]}}",
    "model: {{layers: [Residual: {}, Flatten, Dense: 10]}}",
    "model: {{layers: [Residual: {{layers: {}}}, Flatten, Dense: 10]}}",
    "model: {{layers: [Residual: {{layers: [Flatten], shortcut: {}}}, Dense: 10]}}",
    "model: {{layers: [Repeat: {}, Flatten, Dense: 10]}}",
    "model: {{layers: [Repeat: {{times: {}, layers: [Flatten]}}, Dense: 10]}}",
    "model: {{layers: [Repeat: {{times: 2, layers: {}}}, Dense: 10]}}",
    "model: {{layers: [ZeroPadding2D: {}, Flatten, Dense: 10]}}",
    "model: {{layers: [ZeroPadding2D: [1, {}], Flatten, Dense: 10]}}",
    "model: {{layers: [MaxPooling2D: {}, Flatten, Dense: 10]}}",
    "model: {{layers: [Flatten, {{Dense: {{units: 10, name: {}}}}}]}}",
    "model: {{layers: [Flatten, {{Dense: {{units: 10, kernel_initializer: {}}}}}]}}",
    "model: {{layers: [Flatten, {{Dense: {{units: 10, bias_initializer: {}}}}}]}}",
    "model: {{layers: [Flatten, {{Dense: {{units: 10, activation: {}}}}}]}}",
    "blocks: {}",
    "blocks: {{b: {}}}",
    "blocks: {{b: {{layers: {}}}}}\nmodel: {{layers: [b, Flatten, Dense: 10]}}",
    "blocks: {{b: {{parameters: {}, layers: [Flatten]}}}}",
    "blocks: {{b: {{layers: [Dropout: {}]}}}}\nmodel: {{layers: [b]}}",
    "blocks: {{b: {{layers: [Flatten]}}}}\nmodel: {{layers: [b: {}, Dense: 10]}}",
    "extends: {}",
    "{}: 3",
    "model: {{{}: 3}}",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_value_of_any_kind_in_any_place_is_taken_or_told(
    place: str, check: Check
) -> None:
    for weird in WEIRD:
        text = place.format(weird) + "\n"
        if "model:" not in text:
            text += MINIMAL if text.strip() not in WEIRD else ""
        checked = check(text)
        assert (checked.config is None) is bool(checked.problems), text
        lines = text.splitlines()
        for problem in checked.problems:
            assert 1 <= problem.line <= len(lines), (text, problem)
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1, text
            assert problem.message and "pydantic" not in str(problem), text


def test_a_list_of_odd_layers_is_told_item_by_item(check: Check) -> None:
    checked = check(
        "model:\n  layers:\n    - null\n    - []\n    - 3\n    - {a: 1, b: 2}\n"
        "    - {Conv2D: 3}\n    - {3: {}}\n    - Dense: 10\n"
    )
    expected = "expected one layer, as its name or as {Name: {argument: value}}, found "
    assert [(p.line, p.message) for p in checked.problems] == [
        (3, f"{expected}null"),
        (4, f"{expected}an empty list"),
        (5, f"{expected}3"),
        (6, f"{expected}a mapping of a, b"),
        (7, "expected the arguments of Conv2D as a mapping, found 3"),
        (8, "there is no layer '3'"),
    ]


def test_every_choice_says_what_it_is_and_every_field_what_it_means() -> None:
    from cifarcnn.config.json_schema import field_docstrings

    def described(model: type[BaseModel]) -> dict[str, Any]:
        texts: dict[str, Any] = {}
        for owner in reversed(model.__mro__):
            if issubclass(owner, BaseModel) and owner is not BaseModel:
                texts |= field_docstrings(owner)
        return texts

    for layer in LAYERS:
        assert layer.__doc__
        assert set(layer.model_fields) == set(described(layer)), layer.__name__


PATHS = {
    "https://example.org/pets.zip": "copy it to this machine, and give the folder or "
    "archive",
    "s3://bucket/pets": "copy it to this machine, and give the folder or archive",
    "gs://bucket/pets": "copy it to this machine, and give the folder or archive",
    "file:///home/anna/pets": "write /home/anna/pets",
    "$HOME/pets": "write the whole path; ~ stands for your own folder",
    "${DATA}": "write the whole path; ~ stands for your own folder",
    "%APPDATA%\\pets": "write the whole path; ~ stands for your own folder",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_none_is_told(path: str, check: Check) -> None:
    text = (
        f"data: {{dataset: folder, path: '{path}', classes: [cat, dog]}}\n"
        "model: {layers: [Flatten, Dense: 2]}\n"
    )
    (problem,) = check(text).problems
    assert (problem.path, problem.hint) == ("data.path", PATHS[path])


def test_the_address_of_cifar_is_a_source(check: Check) -> None:
    text = "model: {layers: [Flatten, Dense: 10]}\n"
    (problem,) = check(text, "data.path=https://example.org/cifar.tar.gz").problems
    assert problem.message == (
        "'https://example.org/cifar.tar.gz' is an address; a path is a folder or an "
        "archive on this machine"
    )
    assert problem.hint == (
        "put an https:// address into data.sources, with data.fetch: true"
    )


@pytest.mark.parametrize("path", ["~/pets", "C:\\pets", "a$b/%c", "./$x", "//server/p"])
def test_other_paths_are_left_as_they_are(path: str, check: Check) -> None:
    text = (
        f"data: {{dataset: folder, path: '{path}', classes: [cat, dog]}}\n"
        "model: {layers: [Flatten, Dense: 2]}\n"
    )
    assert check(text).problems == ()
