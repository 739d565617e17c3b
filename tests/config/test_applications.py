"""The table of Keras's applications against Keras itself."""

from __future__ import annotations

import importlib.util
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cifarcnn import engine
from cifarcnn.config.layers import applications
from cifarcnn.config.layers.applications import application_names, find_application

# One of every family that builds in a second or two.
QUICK = ["EfficientNetB0", "InceptionV3", "MobileNet", "MobileNetV3Small", "VGG16"]
NAMES = [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
    for name in application_names()
]
# Besides the least: sides that are odd at different strides.
OTHER = (139, 97)


@pytest.fixture(scope="module")
def keras() -> Any:
    engine.start("cpu")
    import keras

    return keras


@pytest.fixture(scope="module")
def table(keras: Any) -> ModuleType:
    path = Path(__file__).parents[1] / "application_table.py"
    spec = importlib.util.spec_from_file_location("application_table", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_application_of_keras_is_in_the_table(table: ModuleType) -> None:
    assert table.application_names() == application_names()
    assert len(application_names()) > 35


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_keras_at_any_size(
    name: str, table: ModuleType, keras: Any
) -> None:
    known = find_application(name)
    least = (known.smallest_side, known.smallest_side + 1)
    for height, width in (least, OTHER):
        network = table.build(name, height, width)
        assert known.layers == len(network.layers)
        maps = (None, *known.map_size(height, width), known.channels)
        assert network.output_shape == maps, (height, width)
        weights = [weight for weight in network.weights if weight.name != "count"]
        assert known.parameters == sum(prod(weight.shape) for weight in weights)
        assert known.macs(height, width) == count_macs(network, keras), (height, width)
    with pytest.raises(
        ValueError, match=f"{known.smallest_side}x{known.smallest_side}"
    ):
        table.build(name, known.smallest_side - 1, 100)


def count_macs(network: Any, keras: Any) -> int:
    """Multiply-accumulates of convolutions and dense layers, cell by cell."""
    kernels = ("kernel", "depthwise_kernel", "pointwise_kernel")
    kinds = (
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
        keras.layers.SeparableConv2D,
        keras.layers.Dense,
    )
    total = 0
    for layer in network._flatten_layers():
        if isinstance(layer, kinds):
            sizes = (prod(w.shape) for w in layer.weights if w.name in kernels)
            total += sum(sizes) * prod(layer.output.shape[1:-1])
    return total


@pytest.mark.parametrize("name", NAMES)
def test_file_checksum_and_preprocessing_are_those_of_keras(
    name: str, table: ModuleType
) -> None:
    known = find_application(name)
    assert known.preprocessing == table.preprocessing_of(name)
    for size in (224, 160) if "{size}" in known.file else (224,):
        url = applications.STORAGE + known.file.replace("{size}", str(size))
        assert table.file_of(name, size) == (url, known.hash)


def test_multiply_accumulates_are_the_published_ones() -> None:
    # Of the papers and of Keras's own page, in thousand millions.
    published = {
        ("InceptionV3", 299): 5.7,
        ("VGG16", 224): 15.3,
        ("MobileNetV2", 224): 0.30,
        ("NASNetLarge", 331): 23.8,
        ("Xception", 299): 8.4,
    }
    for (name, side), expected in published.items():
        found = find_application(name).macs(side, side) / 1e9
        assert found == pytest.approx(expected, rel=0.01), name
