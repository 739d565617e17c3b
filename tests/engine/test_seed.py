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
import random
import numpy as np
# Ours first, before the other one imports TensorFlow.
for set_seed in (backend.set_random_seed, keras.utils.set_random_seed):
    set_seed(5)
    drawn = [
        random.random(), np.random.random(),
        keras.layers.Dense(2)(keras.ops.ones((1, 3))), keras.random.uniform((2,)),
    ]
    found = [np.asarray(each).tolist() for each in drawn]
    print(json.dumps([found, "tensorflow" in sys.modules]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_numbers_are_those_of_keras(backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    (ours, imported), (theirs, _) = map(json.loads, done.stdout.splitlines())
    assert ours == theirs
    assert imported is (backend == "tensorflow")
