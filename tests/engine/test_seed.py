"""The global seed, with and without TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

SCRIPT = """
import json, sys
from cifarcnn import engine
engine.start("cpu")
import keras
from cifarcnn.engine import backend
if sys.argv[1] == "ours":
    backend.set_random_seed(5)
else:
    keras.utils.set_random_seed(5)
import random
import numpy as np
import tensorflow as tf
drawn = [
    random.random(), np.random.random(),
    keras.layers.Dense(2)(keras.ops.ones((1, 3))), keras.random.uniform((2,)),
]
print(json.dumps([np.asarray(each).tolist() for each in drawn]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_numbers_are_those_of_keras(backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    drawn = []
    for whose in ("ours", "keras"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, whose],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=True,
        )
        drawn.append(json.loads(done.stdout))
    assert drawn[0] == drawn[1]
