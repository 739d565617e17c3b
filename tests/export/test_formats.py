"""Every layer and activation that a config can name, in every format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.base import Activation
from cifarcnn.export.export import export_network
from cifarcnn.export.file_format import Reduction
from cifarcnn.literals import ExportFormat

pytestmark = pytest.mark.slow

CONV = {"filters": 16, "kernel_size": 3}
SAME = {**CONV, "padding": "same"}
GLOBAL = "GlobalAveragePooling2D"
ACTIVATIONS = [name for name in get_args(Activation) if name != "exponential"]
LAYERS_OF_MAPS: list[Any] = [
    {"Conv2D": {**CONV, "strides": 2, "activation": "gelu"}},
    "BatchNormalization",
    {"Conv2D": {**SAME, "groups": 4, "dilation_rate": 2}},
    {"Conv2D": {**SAME, "groups": 4, "strides": 2}},
    {"SeparableConv2D": {**SAME, "activation": "silu"}},
    {"DepthwiseConv2D": {"kernel_size": 3, "padding": "same"}},
    "LayerNormalization",
    {"ZeroPadding2D": 1},
    {"MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}},
    {"UpSampling2D": {"size": [3, 2], "interpolation": "bilinear"}},
    {"UpSampling2D": {"size": [1, 2]}},
    {"AveragePooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}},
    {"GroupNormalization": {"groups": 4}},
    {"PReLU": {"shared_axes": [1, 2], "alpha_initializer": "RandomUniform"}},
    {"Rescaling": {"scale": 2.0, "offset": -1.0}},
    {"Residual": {"layers": [{"Conv2D": SAME}], "shortcut": [{"Conv2D": SAME}]}},
    {
        "Multiply": [
            [],
            [GLOBAL, {"Dense": {"units": 16, "activation": "sigmoid"}}],
        ]
    },
    {"Resizing": {"height": 7, "width": 5}},
    {"Resizing": {"height": 9, "width": 4, "interpolation": "nearest"}},
    {"GaussianNoise": 0.1},
    {"SpatialDropout2D": 0.2},
    {"Activation": "relu"},
    {"Concatenate": [[GLOBAL], ["GlobalMaxPooling2D"], ["Flatten"]]},
    {"Dense": {"units": 16, "activation": "selu"}},
    {"AlphaDropout": 0.1},
    {"Dropout": 0.5},
]
NETWORKS: dict[str, list[Any]] = {
    "layers": LAYERS_OF_MAPS,
    "activations": [
        {"Conv2D": {**CONV, "strides": 3}},
        *(
            layer
            for name in ACTIVATIONS
            for layer in ({"Activation": name}, "BatchNormalization")
        ),
        GLOBAL,
        # Alone at the end, where its values stay small.
        {"Activation": "exponential"},
    ],
    "pretrained": [
        {
            "Pretrained": {
                "run": "elsewhere",
                "layers": [
                    {"Conv2D": {**SAME, "name": "a", "activation": "gelu"}},
                    {"Conv2D": {**SAME, "name": "b", "groups": 2}},
                    {"BatchNormalization": {"name": "c"}},
                ],
                "normalization": "unit",
                "input_shape": [32, 32, 3],
                "pooling": "avg",
            }
        }
    ],
}
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


def test_no_layer_is_left_out() -> None:
    used = {name for layers in NETWORKS.values() for name in names(layers)}
    assert set(LAYERS.by_name) - {"Dense"} <= used
    assert "Dense" in used and len(ACTIVATIONS) > 10


@pytest.fixture(scope="module")
def networks(build_network: Any) -> dict[str, Any]:
    return {name: build_network(*layers) for name, layers in NETWORKS.items()}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("file_format", get_args(ExportFormat))
def test_the_file_answers_as_the_network_does(
    name: str,
    file_format: ExportFormat,
    networks: Any,
    description: Any,
    checked_on: Any,
    tmp_path: Path,
) -> None:
    ending = {"onnx": ".onnx", "litert": ".tflite", "keras": ".keras"}
    path = tmp_path / f"net{ending.get(file_format, '')}"
    exported = export_network(
        networks[name], description, file_format, path, checked_on, Reduction()
    )
    assert exported.largest_difference < 1e-5
    assert exported.labels_agreeing == exported.examples == 40
    assert sorted(tmp_path.iterdir()) == sorted([path, exported.example])
    assert exported.file.size_bytes > exported.network.size_bytes * 0.9
    assert exported.file.accuracy == exported.network.accuracy is not None


@pytest.mark.parametrize("precision", ["float16", "int8"])
@pytest.mark.parametrize("name", NETWORKS)
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


def test_a_published_network_answers_alike(
    build_network: Any, description: Any, checked_on: Any, tmp_path: Path
) -> None:
    network = build_network({"Pretrained": PUBLISHED})
    exported = export_network(
        network, description, "onnx", tmp_path / "n.onnx", checked_on, Reduction()
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
