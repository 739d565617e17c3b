"""Keras on the CPU, started once, and configs from plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
