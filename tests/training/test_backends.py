"""The same training on TensorFlow and on JAX, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
from cifarcnn import engine
device = engine.start("cpu")
from cifarcnn.config import Config
from cifarcnn.data import Dataset, Split
from cifarcnn.runs import Run
from cifarcnn.training import gather_material, pupil, train

# Keras draws other start values on each backend.
build = pupil.build_model
def build_alike(config, classes):
    model, random = build(config, classes), np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1:
            weight.assign(0.1 * random.normal(size=weight.shape))
    return model
pupil.build_model = build_alike

class Store:
    def training(self):
        random = np.random.default_rng(0)
        labels = (np.arange(70) % 3).astype(np.uint8)
        images = random.integers(0, 120, (70, 32, 32, 3), dtype=np.uint8)
        images[np.arange(70), :, :, labels] += 100
        return Split(images, labels)

dataset = Dataset("folder", ("a", "b", "c"), "here", "0" * 64, False, None, Store())
losses = []
for number, text in enumerate(json.loads(sys.argv[2])):
    config = Config.model_validate_json(json.dumps(text))
    run = Run.create(Path(sys.argv[1]), f"run{number}")
    records = train(config, gather_material(config, dataset), run, device).records
    losses.append([loss for r in records for loss in (r.loss, r.val_loss)])
print(json.dumps(losses))
"""
LAYERS = [
    {
        "Conv2D": {
            "filters": 24,
            "kernel_size": 2,
            "strides": 4,
            "activation": "gelu",
            "kernel_initializer": {"Whitening": {"trainable": False}},
        }
    },
    {"Conv2D": {"filters": 8, "kernel_size": 3, "kernel_initializer": "Identity"}},
    {"BatchNormalization": {"momentum": 0.6}},
    "GlobalAveragePooling2D",
    {"Dense": {"units": 3, "activation": "softmax"}},
]
NESTEROV = {
    "learning_rate": 0.1,
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 0.01,
    "exclude_from_weight_decay": ["bias", "beta"],
}
TRAININGS = [
    {
        "optimizer": {"SGD": NESTEROV},
        "learning_rate_multipliers": {"beta": 4},
        "averaging": {"Lookahead": {"every_steps": 2}},
    },
    {
        "optimizer": {"Adam": 0.02},
        "averaging": {"ExponentialMovingAverage": 0.5},
        "precision": "mixed_bfloat16",
        "label_smoothing": 0.1,
    },
]


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_both_backends_give_the_same_losses(tmp_path: Path):
    configs = [
        {
            "data": {"dataset": "folder", "path": "x", "validation_fraction": 0.2},
            "model": {"layers": LAYERS},
            "training": {"epochs": 2, "batch_size": 16, **training},
        }
        for training in TRAININGS
    ]
    losses = {}
    for backend in ("tensorflow", "jax"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, tmp_path / backend, json.dumps(configs)],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        losses[backend] = json.loads(done.stdout.splitlines()[-1])
    for number, (found, expected) in enumerate(
        zip(losses["jax"], losses["tensorflow"], strict=True)
    ):
        # bfloat16 has 8 bits, and the backends round in other places.
        tolerance = 5e-3 if "precision" in TRAININGS[number] else 1e-3
        assert found == pytest.approx(expected, rel=tolerance), TRAININGS[number]
