"""Keras on the CPU, and small networks of every kind with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cifarcnn import engine
from cifarcnn.config import Config

BuildNetwork = Callable[..., Any]


@pytest.fixture(scope="session")
def keras() -> Any:
    engine.start("cpu")
    import keras

    return keras


@pytest.fixture(scope="session")
def build_network(keras: Any) -> BuildNetwork:
    """Builds layers with a softmax of ten classes behind them."""
    from cifarcnn.network.builder import build_model

    def build(*layers: Any) -> Any:
        end = {"Dense": {"units": 10, "activation": "softmax"}}
        statistics = {"mean": [0.5, 0.4, 0.3], "deviation": [0.2, 0.3, 0.25]}
        config = Config.model_validate(
            {
                "data": {"normalization": statistics},
                "model": {"layers": [*layers, end]},
            }
        )
        keras.utils.set_random_seed(0)
        model = build_model(config, 10)
        # Fresh statistics and scales are zeros and ones, which hide mistakes.
        generator = np.random.default_rng(0)
        for weight in model.weights:
            if weight.path.rpartition("/")[2] in NORMALIZATION:
                weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        return model

    return build


NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")


@pytest.fixture(scope="session")
def images() -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, 256, (300, 32, 32, 3), np.uint8)
