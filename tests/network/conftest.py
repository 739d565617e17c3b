"""Keras on the CPU, started once, and configs from plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cifarcnn import engine
from cifarcnn.config import Config

ARTICLE_LAYERS = [
    {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
    {"MaxPooling2D": {"pool_size": 2}},
    {"Conv2D": {"filters": 64, "kernel_size": 3, "activation": "relu"}},
    {"MaxPooling2D": {"pool_size": 2}},
    {"Conv2D": {"filters": 64, "kernel_size": 3, "activation": "relu"}},
    "Flatten",
    {"Dense": {"units": 64, "activation": "relu"}},
    {"Dense": {"units": 10, "activation": "softmax"}},
]

MakeConfig = Callable[..., Config]


@pytest.fixture(scope="session")
def keras() -> Any:
    engine.start("cpu")
    import keras

    return keras


@pytest.fixture
def make_config() -> MakeConfig:
    def make(layers: list[Any] | None = None, normalization: Any = "unit") -> Config:
        return Config.model_validate(
            {
                "data": {"normalization": normalization},
                "model": {"layers": layers or ARTICLE_LAYERS},
            }
        )

    return make


@pytest.fixture(scope="session")
def draw_weights() -> Callable[[Any], None]:
    def draw(network: Any) -> None:
        """Give a network weights whose results depend on its input, within bounds.

        Those that Keras draws leave differences of the input to the sixth digit.
        """
        draw = np.random.default_rng(3)
        for weight in network.weights:
            if weight.name in ("mean", "variance", "count"):
                # Keras's Normalization does not look at them again.
                continue
            shape = tuple(weight.shape)
            if weight.name in ("gamma", "moving_variance"):
                value = draw.uniform(0.8, 1.2, shape)
            elif len(shape) < 2:
                value = draw.normal(0, 0.1, shape)
            else:
                # The filters of a depthwise convolution look at one channel each.
                seen = shape[:2] if shape[-1] == 1 else shape[:-1]
                value = draw.normal(0, np.sqrt(2 / np.prod(seen)), shape)
            weight.assign(value.astype("float32"))

    return draw
