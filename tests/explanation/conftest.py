"""Three small networks, and the same computed a second time in plain NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from cifarcnn import engine
from cifarcnn.config import Config
from cifarcnn.config.datasets import (
    CIFAR_IMAGE_SHAPE,
    DATASETS,
    DatasetFacts,
    ImageShape,
)
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.splits import Split

# Before the tests import what imports Keras.
engine.start("cpu")

Array = np.ndarray[Any, Any]
CLASSES = tuple(f"class_{number}" for number in range(10))

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {
        "data": {"normalization": "unit"},
        "model": {
            "layers": [
                {"Conv2D": {"filters": 6, "kernel_size": 3, "activation": "relu"}},
                "MaxPooling2D",
                {"Conv2D": {"filters": 8, "kernel_size": 3, "activation": "relu"}},
                "MaxPooling2D",
                {"Conv2D": {"filters": 8, "kernel_size": 3, "activation": "relu"}},
                "Flatten",
                {"Dense": {"units": 20, "activation": "relu"}},
                {"Dense": {"units": 10, "activation": "softmax"}},
            ]
        },
    },
    "residual": {
        "data": {
            "normalization": {"mean": [0.5, 0.4, 0.3], "deviation": [0.2, 0.25, 0.3]}
        },
        "model": {
            "layers": [
                {"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same",
                            "strides": 2, "use_bias": False}},
                "BatchNormalization",
                {"Activation": "relu"},
                {"Residual": [
                    {"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same"}},
                    "BatchNormalization",
                    {"Activation": "relu"},
                    {"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same"}},
                    "BatchNormalization",
                ]},
                {"Activation": "relu"},
                {"Residual": {
                    "layers": [
                        {"Conv2D": {"filters": 8, "kernel_size": 3, "padding": "same",
                                    "strides": 2}},
                        "BatchNormalization",
                        {"Activation": "relu"},
                        {"Conv2D": {"filters": 8, "kernel_size": 3, "padding": "same"}},
                    ],
                    "shortcut": [
                        {"Conv2D": {"filters": 8, "kernel_size": 1, "strides": 2}},
                        "BatchNormalization",
                    ],
                }},
                {"Activation": "relu"},
                "GlobalAveragePooling2D",
                {"Dropout": 0.5},
                {"Dense": {"units": 10, "activation": "softmax"}},
            ]
        },
    },
    "branches": {
        "data": {"normalization": "unit"},
        "model": {
            "layers": [
                {"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same",
                            "strides": 2}},
                {"Concatenate": [
                    [],
                    ["BatchNormalization", {"Activation": "relu"},
                     {"Conv2D": {"filters": 4, "kernel_size": 3, "padding": "same"}}],
                ]},
                {"Multiply": [
                    [],
                    ["GlobalAveragePooling2D",
                     {"Dense": {"units": 3, "activation": "tanh"}},
                     {"Dense": {"units": 10, "activation": "sigmoid"}}],
                ]},
                {"MaxPooling2D": 4},
                {"Concatenate": [
                    [{"Conv2D": {"filters": 3, "kernel_size": 1,
                                 "activation": "relu"}}],
                    [{"Conv2D": {"filters": 2, "kernel_size": 3, "padding": "same",
                                 "activation": "relu"}}],
                    [{"AveragePooling2D": {"pool_size": 3, "strides": 1,
                                           "padding": "same"}}],
                ]},
                "GlobalAveragePooling2D",
                {"Dense": {"units": 10, "activation": "softmax"}},
            ]
        },
    },
    "separable": {
        "data": {"normalization": "unit"},
        "model": {
            "layers": [
                {"SeparableConv2D": {"filters": 6, "kernel_size": 3, "padding": "same",
                                     "depth_multiplier": 2, "activation": "tanh"}},
                {"AveragePooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}},
                {"DepthwiseConv2D": {"kernel_size": 3, "dilation_rate": 2,
                                     "depth_multiplier": 2}},
                {"MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}},
                {"Conv2D": {"filters": 8, "kernel_size": [3, 2], "groups": 2,
                            "activation": "leaky_relu"}},
                "Flatten",
                {"Dense": {"units": 10, "use_bias": False}},
                "BatchNormalization",
                {"Rescaling": {"scale": 0.5, "offset": 0.25}},
            ]
        },
    },
}  # fmt: skip


# --- plain NumPy, in float64 ---------------------------------------------------------


def slide(maps: Array, size: Any, strides: Any, padding: str, dilation: Any = (1, 1)):
    """Every window by its place: yields ``(row, column, rows, columns)`` inside."""
    starts, counts = [], []
    for length, k, s, d in zip(maps.shape, size, strides, dilation, strict=False):
        reach = d * (k - 1) + 1
        if padding == "same":
            count = math.ceil(length / s)
            starts.append(-(max((count - 1) * s + reach - length, 0) // 2))
        else:
            count = (length - reach) // s + 1
            starts.append(0)
        counts.append(count)
    for row in range(counts[0]):
        for column in range(counts[1]):
            top, left = starts[0] + row * strides[0], starts[1] + column * strides[1]
            rows = [top + i * dilation[0] for i in range(size[0])]
            columns = [left + i * dilation[1] for i in range(size[1])]
            yield row, column, rows, columns


def patch(maps: Array, rows: list[int], columns: list[int], outside: float) -> Array:
    result = np.full((len(rows), len(columns), maps.shape[2]), outside)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            if 0 <= row < maps.shape[0] and 0 <= column < maps.shape[1]:
                result[i, j] = maps[row, column]
    return result


def collect(found: list[tuple[int, int, Array]]) -> Array:
    height, width = found[-1][0] + 1, found[-1][1] + 1
    return np.array([value for *_, value in found]).reshape(height, width, -1)


def convolve(maps: Array, kernel: Array, layer: Any, groups: int = 1) -> Array:
    """``kernel``: ``(height, width, channels of a group, filters)``."""
    inside, outside = maps.shape[2] // groups, kernel.shape[3] // groups
    found = []
    for row, column, rows, columns in slide(
        maps, kernel.shape[:2], layer.strides, layer.padding, layer.dilation_rate
    ):
        tile = patch(maps, rows, columns, 0.0)
        value = [
            np.sum(tile[:, :, inside * (f // outside):][:, :, :inside]
                   * kernel[:, :, :, f])
            for f in range(kernel.shape[3])
        ]  # fmt: skip
        found.append((row, column, np.array(value)))
    return collect(found)


def by_channel(maps: Array, kernel: Array, layer: Any) -> Array:
    """``kernel``: ``(height, width, channels, multiplier)``."""
    found = []
    for row, column, rows, columns in slide(
        maps, kernel.shape[:2], layer.strides, layer.padding, layer.dilation_rate
    ):
        tile = patch(maps, rows, columns, 0.0)
        found.append((row, column, np.einsum("hwc,hwcm->cm", tile, kernel).ravel()))
    return collect(found)


def pool(maps: Array, layer: Any, reduce: Any) -> Array:
    found = []
    for row, column, rows, columns in slide(
        maps, layer.pool_size, layer.strides or layer.pool_size, layer.padding
    ):
        tile = patch(maps, rows, columns, np.nan)
        found.append((row, column, reduce(tile, axis=(0, 1))))
    return collect(found)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "softmax": lambda x: x,
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


@dataclass
class ByHand:
    """A network over an image, without Keras and without the code that is tested.

    Attributes:
        layers: Of the config.
        weights: By name.
        before: What each layer makes of its input before its own activation, by name.
        after: And after it.
        inputs: What reached it.
    """

    layers: list[Any]
    weights: dict[str, Array]
    before: dict[str, Array] = field(default_factory=dict)
    after: dict[str, Array] = field(default_factory=dict)
    inputs: dict[str, Array] = field(default_factory=dict)

    def run(self, values: Array, layers: list[Any] | None = None) -> Array:
        """The result of some layers, of all of them when none are given."""
        for layer in self.layers if layers is None else layers:
            self.inputs[layer.name] = values
            self.before[layer.name] = self.apply(layer, values)
            function = FUNCTIONS[getattr(layer, "activation", "linear")]
            values = self.after[layer.name] = function(self.before[layer.name])
        return values

    def run_after(self, name: str, values: Array) -> Array:
        """The logits from the result of an outermost layer."""
        names = [layer.name for layer in self.layers]
        return self.fresh().run(values, self.layers[names.index(name) + 1 :])

    def fresh(self) -> ByHand:
        """The same network, which has not run yet."""
        return ByHand(self.layers, self.weights)

    def apply(self, layer: Any, x: Array) -> Array:
        weights = {
            path.split("/")[1]: value.astype(np.float64)
            for path, value in self.weights.items()
            if path.startswith(f"{layer.name}/")
        }
        bias = weights.get("bias", 0.0)
        match layer.type:
            case "Conv2D":
                return convolve(x, weights["kernel"], layer, layer.groups) + bias
            case "DepthwiseConv2D":
                return by_channel(x, weights["kernel"], layer) + bias
            case "SeparableConv2D":
                spread = by_channel(x, weights["depthwise_kernel"], layer)
                return spread @ weights["pointwise_kernel"][0, 0] + bias
            case "Dense":
                return x @ weights["kernel"] + bias
            case "BatchNormalization":
                x = (x - weights["moving_mean"]) / np.sqrt(
                    weights["moving_variance"] + layer.epsilon
                )
                return x * weights["gamma"] + weights["beta"]
            case "MaxPooling2D":
                return pool(x, layer, np.nanmax)
            case "AveragePooling2D":
                return pool(x, layer, np.nanmean)
            case "GlobalAveragePooling2D":
                return x.mean(axis=(0, 1))
            case "Flatten":
                return x.reshape(-1)
            case "Rescaling":
                return x * layer.scale + layer.offset
            case "Residual":
                main = self.run(x, layer.layers)
                return main + self.run(x, layer.shortcut)
            case "Concatenate":
                ends = [self.run(x, branch) for branch in layer.branches]
                return np.concatenate(ends, axis=-1)
            case "Multiply":
                first, second = (self.run(x, branch) for branch in layer.branches)
                return first * second
            case "Activation" | "Dropout":
                return x
        raise NotImplementedError(layer.type)


# --- what the tests are given --------------------------------------------------------


class Store:
    """300 random images, and no test split that could be opened."""

    def __init__(self, image_shape: ImageShape = CIFAR_IMAGE_SHAPE) -> None:
        self.image_shape = image_shape

    def training(self) -> Split:
        random = np.random.default_rng(2)
        images = random.integers(0, 256, (300, *self.image_shape), np.uint8)
        return Split(images, (np.arange(300) % 10).astype(np.uint8))

    def test(self) -> Split:
        raise AssertionError("the test split was opened")


@dataclass
class Case:
    """One of the networks with the explanation of an image."""

    name: str
    config: Config
    network: Any
    weights: dict[str, Array]
    image: Array
    explanation: Any
    by_hand: ByHand
    logits: Array


@pytest.fixture(scope="session")
def keras() -> Any:
    import keras

    return keras


def make_dataset(name: str, shape: ImageShape) -> Dataset:
    store: Any = Store(shape)
    return Dataset(name, CLASSES, "here", "0" * 64, False, "drawn here", store, shape)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return make_dataset("synthetic", (32, 32, 3))


def draw_weights(model: Any, seed: int = 1) -> None:
    """Random weights of a size that lets signals through; variances are positive."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        fan_in = max(1, math.prod(weight.shape[:-1]))
        value = random.normal(0, 1, weight.shape) * math.sqrt(2 / fan_in)
        if weight.path.endswith(("moving_variance", "gamma")):
            value = random.uniform(0.5, 2, weight.shape)
        elif len(weight.shape) == 1:
            value = random.normal(0, 0.3, weight.shape)
        weight.assign(value)


@pytest.fixture
def wide_dataset(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """As if the images of CIFAR-10 were 24 pixels high and 40 wide."""
    shape = (24, 40, 3)
    monkeypatch.setitem(
        DATASETS, "cifar10", DatasetFacts(DATASETS["cifar10"].class_names, shape)
    )
    return make_dataset("cifar10", shape)


@pytest.fixture(scope="session")
def make_network(keras: Any, dataset: Dataset) -> Callable[[dict[str, Any]], Any]:
    from cifarcnn.explanation.explain import TrainedNetwork
    from cifarcnn.network.builder import build_model

    def make(values: dict[str, Any]) -> TrainedNetwork:
        config = Config.model_validate(values)
        model = build_model(config, len(CLASSES))
        draw_weights(model)
        return TrainedNetwork(model, config, CLASSES, lambda: dataset)

    return make


@pytest.fixture(scope="session")
def image() -> Array:
    """Large coloured blobs with some noise."""
    random = np.random.default_rng(4)
    coarse = random.integers(0, 256, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1)
    noisy = coarse + random.integers(-40, 40, coarse.shape)
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session", params=list(NETWORKS))
def case(request: Any, make_network: Any, image: Array) -> Case:
    from cifarcnn.explanation.explain import explain_image
    from cifarcnn.network.weights import read_weights

    network = make_network(NETWORKS[request.param])
    config = network.config
    weights = read_weights(network.model)
    by_hand = ByHand(config.model.layers, weights)
    pixels = image / 255
    if request.param == "residual":
        statistics = config.data.normalization
        pixels = (pixels - statistics.mean) / statistics.deviation
    logits = by_hand.run(pixels)
    return Case(
        name=request.param,
        config=config,
        network=network,
        weights=weights,
        image=image,
        explanation=explain_image(network, image, wanted_class="class_3"),
        by_hand=by_hand,
        logits=logits,
    )
