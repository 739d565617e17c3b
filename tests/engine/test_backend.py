"""Gradients against finite differences, on every backend that is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

SCRIPT = """
import json
import numpy as np
from cifarcnn import engine
engine.start("cpu")
import keras
from cifarcnn.engine.backend import gradient
keras.utils.set_random_seed(0)
start = keras.Input((4, 4, 2))
layer = keras.layers.Conv2D(3, 3, activation="tanh")
model = keras.Model(start, keras.layers.Dense(2)(
    keras.layers.Dropout(0.5)(keras.layers.Flatten()(layer(start)))))
for weight in model.weights:
    weight.assign(np.random.default_rng(0).normal(size=weight.shape))
at = np.random.default_rng(1).normal(size=(2, 4, 4, 2)).astype("float32")
found = gradient(lambda x: keras.ops.sum(model(x, training=False)[:, 1]), at)
print(json.dumps([type(found).__name__, str(found.dtype), found.tolist()]))
"""


def run(backend: str) -> np.ndarray:
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    kind, dtype, values = json.loads(found.stdout)
    assert (kind, dtype) == ("ndarray", "float32")
    return np.array(values)


def expected() -> np.ndarray:
    """The same network in plain NumPy, its gradient by central differences."""
    random = [np.random.default_rng(0) for _ in range(4)]
    shapes = [(3, 3, 2, 3), (3,), (12, 2), (2,)]
    kernel, bias, weights, _ = (
        r.normal(size=shape) for r, shape in zip(random, shapes, strict=True)
    )

    def number(maps: np.ndarray) -> float:
        total = 0.0
        for image in maps:
            cells = [
                np.tanh(
                    np.einsum("hwc,hwcf->f", image[y : y + 3, x : x + 3], kernel) + bias
                )
                for y in range(2)
                for x in range(2)
            ]
            total += float(np.concatenate(cells) @ weights[:, 1])
        return total

    at = np.random.default_rng(1).normal(size=(2, 4, 4, 2)).astype("float32")
    found = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        moved = [at.astype(float), at.astype(float)]
        moved[0][place] -= 1e-5
        moved[1][place] += 1e-5
        found[place] = (number(moved[1]) - number(moved[0])) / 2e-5
    return found


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_gradient_is_what_finite_differences_give(backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    assert run(backend) == pytest.approx(expected(), abs=1e-4)


def test_what_a_number_does_not_depend_on_has_the_gradient_0() -> None:
    from cifarcnn import engine

    engine.start("cpu")
    import keras

    from cifarcnn.engine.backend import gradient

    at = np.ones((2, 3), np.float32)
    found = gradient(lambda values: keras.ops.ones(()), at)
    assert np.array_equal(found, np.zeros((2, 3)))


CARD_OF_JAX = """
from types import SimpleNamespace
from cifarcnn import engine
from cifarcnn.errors import DeviceError
print(engine.start("cpu").description)
from cifarcnn.engine import backend
print(backend.choose_gpu("gpu").reason)
card = SimpleNamespace(
    platform="gpu", device_kind="NVIDIA X", compute_capability="9.0"
)
backend.jax.devices = lambda: [card]
print(backend.choose_gpu("auto"))
try:
    backend.choose_gpu("cpu")
except DeviceError as error:
    print(error)
"""


def test_a_card_has_its_name_under_jax_and_the_cpu_hides_it() -> None:
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    variables = {k: v for k, v in os.environ.items() if k != "JAX_PLATFORMS"}
    done = subprocess.run(
        [sys.executable, "-c", CARD_OF_JAX],
        env={**variables, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, hidden, card, refused = done.stdout.splitlines()
    assert first.startswith("cpu (") and ", JAX " in first
    assert hidden == (
        "it was hidden earlier in this process (device cpu). Start a new one."
    )
    assert card == (
        "ChosenGpu(name='NVIDIA X', compute_capability=(9, 0), reason=None)"
    )
    assert refused == (
        "The device cpu cannot be chosen any more: JAX already uses a GPU in this "
        "process. Start a new one."
    )
