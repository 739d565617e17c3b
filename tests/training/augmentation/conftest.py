"""A few images, and operations done to them as in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from cifarcnn.training.augmentation.operation import Operation

Apply = Callable[[Operation, np.ndarray, Mapping[str, Any]], np.ndarray]


@pytest.fixture
def images() -> np.ndarray:
    """Five images of noise, the last of one colour."""
    noise = np.random.default_rng(5).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    noise[4] = (200, 20, 90)
    return noise


@pytest.fixture(params=[False, True], ids=["plain", "xla"])
def apply(keras: Any, request: pytest.FixtureRequest) -> Apply:
    """Does what was drawn: step by step, and compiled by XLA."""
    compiled = request.param

    def apply(
        operation: Operation, images: np.ndarray, draws: Mapping[str, Any]
    ) -> np.ndarray:
        import tensorflow as tf

        given = {name: np.asarray(value, np.int32) for name, value in draws.items()}
        function = tf.function(operation.apply, jit_compile=compiled)
        found = function(
            tf.constant(images), {n: tf.constant(value) for n, value in given.items()}
        )
        assert found.dtype == tf.uint8
        return found.numpy()

    return apply
