"""The JSON Schema: right by its own standard, and in step with what checks a config."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cifarcnn.config import check_config
from cifarcnn.config.json_schema import config_schema
from cifarcnn.config.shipped import find_shipped, shipped_folder, shipped_names
from cifarcnn.config.yaml_text import parse

SCHEMA = config_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def errors(text: str) -> list[str]:
    value = parse(text, "f").plain()
    return [error.message for error in VALIDATOR.iter_errors(value)]


def test_the_command_prints_the_schema() -> None:
    code = "from cifarcnn.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "schema"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == SCHEMA


def test_the_file_beside_the_shipped_configs_is_this_schema() -> None:
    """`cifarcnn schema > configs/config.schema.json` writes it anew."""
    written = (shipped_folder() / "config.schema.json").read_text(encoding="utf-8")
    assert written == json.dumps(SCHEMA, separators=(",", ":")) + "\n"


def test_it_is_a_schema_of_the_2020_12_dialect() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_config_fits_and_names_the_schema(name: str) -> None:
    path = find_shipped(name)
    assert path is not None
    text = path.read_text(encoding="utf-8")
    assert errors(text) == []
    assert "# yaml-language-server: $schema=config.schema.json" in text


RICH = """
extends: article
name: rich
data:
  dataset: folder
  path: pets
  validation_fraction: 0.2
  classes: [cat, dog]
  normalization: {mean: [0.5, 0.5, 0.5], deviation: [0.2, 0.2, 0.2]}
blocks:
  conv:
    parameters: {filters: null, kernel_size: 3, norm: BatchNormalization}
    layers:
      - Conv2D: {filters: $filters, kernel_size: $kernel_size, padding: same,
                 kernel_initializer: he_normal, kernel_regularizer: {L2: 0.001}}
      - $norm
      - Activation: relu
  plain:
    layers: [Flatten]
model:
  layers:
    - conv: {filters: 16, norm: {GroupNormalization: 4}}
    - Repeat:
        times: 3
        layers:
          - Residual:
              layers: [conv: {filters: 16}]
              shortcut: [Conv2D: {filters: 16, kernel_size: [1, 1]}]
    - Residual: [Dropout: 0.1]
    - Concatenate: {name: side_by_side, branches: [[], [conv: {filters: 16}]]}
    - Multiply: [[], [GlobalAveragePooling2D, Dense: 32]]
    - MaxPooling2D
    - MaxPooling2D:
    - ZeroPadding2D: [[1, 2], 3]
    - AveragePooling2D: [2, 1]
    - plain
    - Dense: 2
training:
  optimizer: {adamw: {learning_rate: 1e-3}}
  learning_rate_schedule: {StepDecay: {at_epochs: [1, 2.5]}}
  class_weights: {cat: 1, dog: 2.5}
  early_stopping: {patience: 3}
"""


def test_a_config_with_blocks_repeat_residual_and_extends_fits(tmp_path: Path) -> None:
    assert errors(RICH) == []
    path = tmp_path / "rich.yaml"
    path.write_text(RICH, encoding="utf-8")
    assert [str(problem) for problem in check_config(path, []).problems] == []


RIGHT = [
    "model: {layers: [Flatten, {Dense: {units: 10}}]}",
    "training: {optimizer: Adam}",
    "training: {optimizer: sgd, class_weights: balanced, early_stopping: null}",
    "training: {learning_rate_schedule: {cosine_decay: {warmup_epochs: 2}}}",
    "training: {optimizer: {SGD: 0.1}}",
    "data: {normalization: standard, path: null}",
    "model: {layers: [Conv2D: {filters: 3, kernel_size: 3, bias_initializer: zeros}]}",
    "model: {layers: [Residual: {layers: [Flatten]}]}",
    "model: {layers: [Concatenate: [[], [Flatten]]]}",
    "model: {layers: [Dense: {units: 3, kernel_constraint: {MaxNorm: {axis: 1}}}]}",
    "model: {layers: [{Dense: {units: 3, bias_constraint: non_neg}}, PReLU]}",
    "model: {layers: [PReLU: {shared_axes: [1, 2], alpha_initializer: zeros}]}",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_fits(text: str) -> None:
    assert errors(text) == []


WRONG = [
    "training: {epoch: 3}",
    "trainnig: {epochs: 3}",
    "data: {dataset: mnist}",
    "data: {normalization: {mean: [1, 1], deviation: [1, 1, 1]}}",
    "data: {validation_fraction: 0.9}",
    "model: {layers: []}",
    "model: {layer: [Flatten]}",
    "model: {layers: [MaxPool2D]}",
    "model: {layers: [Conv2d: {filters: 3, kernel_size: 3}]}",
    "model: {layers: [Conv2D: {filter: 3, kernel_size: 3}]}",
    "model: {layers: [Conv2D: {kernel_size: 3}]}",
    "model: {layers: [Conv2D: {filters: '3', kernel_size: 3}]}",
    "model: {layers: [Conv2D]}",
    "model: {layers: [{Flatten: {}, Dense: {units: 3}}]}",
    "model: {layers: [Conv2D: {filters: 3, kernel_size: 3, activation: Relu}]}",
    "model: {layers: [Conv2D: {filters: 3, kernel_size: 3, padding: full}]}",
    "model: {layers: [Repeat: {times: 3}]}",
    "model: {layers: [Repeat: {times: 0, layers: [Flatten]}]}",
    "model: {layers: [Residual: {layer: [Flatten]}]}",
    "model: {layers: [Concatenate: {layers: [Flatten]}]}",
    "model: {layers: [Multiply: {branches: [[]]}]}",
    "model: {layers: [Multiply: {branches: [Flatten, [Flatten]]}]}",
    "model: {layers: [Concatenate]}",
    "model: {layers: [Dense: {units: 3, kernel_constraint: {MaxNorm: {max: 3}}}]}",
    "model: {layers: [UpSampling2D: {interpolation: bicubic}]}",
    "training: {epochs: 0}",
    "training: {epochs: true}",
    "training: {epochs: 2.5}",
    "training: {seed: -1}",
    "training: {optimizer: Adamm}",
    "training: {optimizer: {Adam: {learningrate: 0.1}}}",
    "training: {optimizer: {Adam: {}, SGD: {}}}",
    "training: {early_stopping: {monitor: loss}}",
    "blocks: {a: {layer: [Flatten]}}",
    "blocks: {a: {parameters: {}}}",
    "extends: [a]",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_misspelt_or_wrong_does_not_fit(text: str, tmp_path: Path) -> None:
    assert errors(text) != []
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    assert check_config(path, []).config is None


def properties(part: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of every object in the schema."""
    if isinstance(part, dict):
        for key, value in part.get("properties", {}).items():
            if isinstance(value, dict):
                yield f"{where}.{key}", value
        for key, value in part.items():
            yield from properties(value, f"{where}.{key}")
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from properties(value, f"{where}[{index}]")


def follow(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to; anything else as it is."""
    while "$ref" in part:
        start, *steps = part["$ref"].split("/")
        assert start == "#"
        found: Any = SCHEMA
        for step in steps:
            found = found[int(step) if isinstance(found, list) else step]
        part = found
    return part


def described(value: dict[str, Any]) -> bool:
    """Whether an editor can show what it means, there or where it points to."""
    if value.get("description"):
        return True
    if "$ref" in value:
        return described(follow(value))
    return any(described(part) for part in value.get("anyOf", []))


def test_every_key_has_a_description() -> None:
    found = list(properties(SCHEMA))
    assert len(found) > 200
    assert [where for where, value in found if not described(value)] == []


def test_descriptions_are_the_docstrings_of_the_fields() -> None:
    training = SCHEMA["$defs"]["Training"]["properties"]
    assert training["batch_size"]["description"] == "Pictures in one step."
    conv = SCHEMA["$defs"]["Conv2D"]
    assert conv["description"].startswith("Filters that each look at all channels")
    assert conv["properties"]["filters"]["description"].startswith("Number of filters")


def test_optimizers_and_schedules_are_described_too() -> None:
    choices = SCHEMA["$defs"]["optimizer"]["anyOf"][1]["properties"]
    adam = follow(choices["adam"])["anyOf"][0]["properties"]
    assert (
        follow(adam["beta_1"])["description"] == "Decay of the mean of the gradients."
    )
    choices = SCHEMA["$defs"]["learning-rate-schedule"]["anyOf"][1]["properties"]
    constant = follow(choices["Constant"])["anyOf"][0]["properties"]
    warmup = follow(constant["warmup_epochs"])
    assert warmup["description"].startswith("Epochs over which")


def test_every_reference_leads_somewhere() -> None:
    used = {part.split('"')[0] for part in json.dumps(SCHEMA).split('"$ref": "')[1:]}
    assert used
    for reference in used:
        assert isinstance(follow({"$ref": reference}), dict)


def test_what_is_said_again_and_again_stands_there_once() -> None:
    text = json.dumps(SCHEMA)
    assert text.count("Largest norm of the gradient of each variable.") == 1
    assert text.count("Decay of the mean of the gradients.") == 1
