"""Keras on TensorFlow, and small networks with weights that hide no mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cifarcnn import engine
from cifarcnn.config import Config
from cifarcnn.export.check_images import CheckImages
from cifarcnn.export.file_format import Description


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
def description() -> Description:
    names = ("airplane", "größte Katze", "a, b", *map(str, range(7)))
    return Description(names, 32, 32, "crop", "none")


@pytest.fixture(scope="session")
def checked_on() -> CheckImages:
    images = np.random.default_rng(1).integers(0, 256, (40, 32, 32, 3), np.uint8)
    labels = np.random.default_rng(2).integers(0, 10, 40)
    return CheckImages(images, labels, "pictures of noise")
