"""Keras on TensorFlow, and small networks with weights that hide no mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest

from cifarcnn import engine
from cifarcnn.config import Config
from cifarcnn.config.layers.base import Activation
from cifarcnn.export.check_images import CheckImages
from cifarcnn.export.file_format import Description

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


@pytest.fixture(scope="session")
def keras() -> Any:
    engine.start("cpu")
    import keras

    return keras


@pytest.fixture(scope="session")
def build_network(keras: Any) -> Callable[..., Any]:
    """Builds layers with a softmax of ten classes behind them."""
    from cifarcnn.network.builder import build_model

    def build(*layers: Any) -> Any:
        end = {"Dense": {"units": 10, "activation": "softmax"}}
        network: dict[str, Any] = {"model": {"layers": [*layers, end]}}
        if "Pretrained" not in layers[0]:  # which normalizes by itself
            statistics = {"mean": [0.5, 0.4, 0.3], "deviation": [0.2, 0.3, 0.25]}
            network["data"] = {"normalization": statistics}
        config = Config.model_validate(network)
        keras.utils.set_random_seed(0)
        model = build_model(config, 10)
        # Fresh statistics and scales are zeros and ones.
        generator = np.random.default_rng(0)
        for weight in model.weights:
            if weight.path.rpartition("/")[2] in ("gamma", "beta", "moving_variance"):
                weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        return model

    return build


@pytest.fixture(scope="session")
def layer_lists() -> dict[str, list[Any]]:
    """By name; together every layer and activation that a config can name."""
    return NETWORKS


@pytest.fixture(scope="session")
def networks(build_network: Callable[..., Any]) -> dict[str, Any]:
    """The same, built."""
    return {name: build_network(*layers) for name, layers in NETWORKS.items()}


@pytest.fixture(scope="session")
def description() -> Description:
    names = ("airplane", "größte Katze", "a, b", *map(str, range(7)))
    return Description(names, 32, 32, "crop", "none")


@pytest.fixture(scope="session")
def checked_on() -> CheckImages:
    images = np.random.default_rng(1).integers(0, 256, (40, 32, 32, 3), np.uint8)
    labels = np.random.default_rng(2).integers(0, 10, 40)
    return CheckImages(images, labels, "pictures of noise")
