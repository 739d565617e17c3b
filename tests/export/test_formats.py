"""Every layer and activation that a config can name, in every format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.base import Activation
from cifarcnn.errors import RunError
from cifarcnn.export.export import export_network
from cifarcnn.export.file_format import Reduction
from cifarcnn.literals import ExportFormat

pytestmark = pytest.mark.slow

NAMES = ["layers", "activations", "pretrained"]
# Of those that Keras publishes; each has stock layers only.
PUBLISHED = {"application": "MobileNetV2", "weights": "none", "pooling": "avg"}


def names(layers: Any) -> Iterator[str]:
    """The names of all layers in some."""
    for layer in layers:
        name, arguments = layer, None
        if isinstance(layer, dict):
            ((name, arguments),) = layer.items()
        yield name
        if name == "Residual":
            branches = list(arguments.values())
        else:
            branches = arguments if isinstance(arguments, list) else []
        for branch in branches:
            yield from names(branch)


def test_no_layer_and_no_activation_is_left_out(layer_lists: Any) -> None:
    assert list(layer_lists) == NAMES
    used = {name for layers in layer_lists.values() for name in names(layers)}
    assert set(LAYERS.by_name) <= used
    named = [each for each in layer_lists["activations"] if "Activation" in each]
    found = {each["Activation"] for each in named}
    assert found == set(get_args(Activation))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file_format", get_args(ExportFormat))
def test_the_file_answers_as_the_network_does(
    name: str,
    file_format: ExportFormat,
    networks: Any,
    description: Any,
    checked_on: Any,
    tmp_path: Path,
) -> None:
    ending = {"onnx": ".onnx", "litert": ".tflite", "keras": ".keras", "web": ".html"}
    path = tmp_path / f"net{ending.get(file_format, '')}"
    try:
        exported = export_network(
            networks[name], description, file_format, path, checked_on, Reduction()
        )
    except RunError as error:
        # Without AVX-512 VNNI TensorFlow does without oneDNN, and refuses them itself.
        if "support grouped convolutions" not in str(error.__context__):
            raise
        assert not path.exists()
        pytest.skip("TensorFlow serves no grouped convolutions on this processor")
    assert exported.largest_difference < 1e-5
    assert exported.labels_agreeing == exported.examples == 40
    files = [path] if exported.example is None else [path, exported.example]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert (exported.example is None) == (file_format == "web")
    assert exported.file.size_bytes > exported.network.size_bytes * 0.9
    assert exported.file.accuracy == exported.network.accuracy is not None


@pytest.mark.parametrize("precision", ["float16", "int8"])
@pytest.mark.parametrize("name", NAMES)
def test_smaller_numbers_answer_much_as_the_network_does(
    name: str,
    precision: Any,
    networks: Any,
    description: Any,
    checked_on: Any,
    tmp_path: Path,
) -> None:
    reduction = Reduction(precision, checked_on.images if precision == "int8" else None)
    exported = export_network(
        networks[name], description, "litert", tmp_path / "n.tflite", checked_on,
        reduction,
    )  # fmt: skip
    found = exported.mean_difference
    assert 0 < found < (0.1 if precision == "int8" else 0.005)


@pytest.mark.parametrize(("file_format", "ending"), [("onnx", "onnx"), ("web", "html")])
def test_a_published_network_answers_alike(
    file_format: Any,
    ending: str,
    build_network: Any,
    description: Any,
    checked_on: Any,
    tmp_path: Path,
) -> None:
    network = build_network({"Pretrained": PUBLISHED})
    path = tmp_path / f"n.{ending}"
    exported = export_network(
        network, description, file_format, path, checked_on, Reduction()
    )
    assert exported.largest_difference < 1e-5


@pytest.mark.parametrize(("precision", "share"), [("float16", 0.5), ("int8", 0.25)])
def test_smaller_numbers_take_less_room(
    precision: Any,
    share: float,
    build_network: Any,
    description: Any,
    checked_on: Any,
    tmp_path: Path,
) -> None:
    network = build_network("Flatten", {"Dense": 64})
    exported = export_network(
        network, description, "litert", tmp_path / "n.tflite", checked_on,
        Reduction(precision, checked_on.images),
    )  # fmt: skip
    found = exported.file.size_bytes / exported.network.size_bytes
    assert found == pytest.approx(share, abs=0.02)
