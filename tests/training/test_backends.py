"""The same training on TensorFlow and on JAX, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from cifarcnn.config import load_config
from cifarcnn.config.shipped import shipped_names

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
from cifarcnn import engine
device = engine.start("cpu")
from cifarcnn.config import Config, load_config
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.splits import Split
from cifarcnn.errors import DivergedError, RunError
from cifarcnn.network import builder
from cifarcnn.network.initialization import set_identities
from cifarcnn.runs import Run

# Keras draws other start values on each backend, and JAX compiles a program for each
# shape that it draws: here none are.
import keras
keras.initializers.VarianceScaling.__call__ = (
    lambda self, shape, dtype=None, **_: keras.ops.zeros(shape, dtype)
)
# These are small, so that the network stays calm until the moving statistics of its
# normalizations are right.
build = builder.build_model
def build_alike(config, classes):
    model, random = build(config, classes), np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1:
            inputs = np.prod(weight.shape[:-1])
            weight.assign(random.normal(size=weight.shape) * (0.5 / inputs) ** 0.5)
    set_identities(model, config.model.layers)
    return model
builder.build_model = build_alike
from cifarcnn.training import run_files
from cifarcnn.training.trainer import train

def no_litert(*arguments):
    raise RunError("no loss depends on it, and JAX starts a process for each.")
run_files.convert_run = no_litert
from cifarcnn.training.training_data import load_training_data

class Store:
    def __init__(self, pictures, classes):
        self.pictures, self.classes = pictures, classes

    def training(self):
        random = np.random.default_rng(0)
        labels = (np.arange(self.pictures) % self.classes).astype(np.uint8)
        shape = (self.pictures, 32, 32, 3)
        images = random.integers(0, 120, shape, dtype=np.uint8)
        images[np.arange(self.pictures), :, :, labels % 3] += 100
        return Split(images, labels)

for number, case in enumerate(json.loads(sys.argv[2])):
    if "file" in case:
        config = load_config(case["file"], case["overrides"])
    else:
        config = Config.model_validate_json(json.dumps(case["config"]))
    names = tuple("abcdefghij")[: config.class_count or 3]
    store = Store(case["pictures"], len(names))
    facts = (names, "here", "0" * 64, False, None)
    dataset = Dataset("folder", *facts, store, (32, 32, 3))
    run = Run.create(Path(sys.argv[1]), f"run{number}")
    try:
        data = load_training_data(config, dataset)
        records = train(config, data, run, device).records
    except DivergedError as error:
        print(json.dumps(str(error).partition(":")[0]))
        continue
    print(json.dumps([loss for r in records for loss in (r.loss, r.val_loss)]))
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
    # The normalization takes a bias out again, so that the gradient of one is nothing
    # but what was rounded, of which Adamax would make whole steps.
    {"Conv2D": {"filters": 8, "kernel_size": 3, "kernel_initializer": "Identity",
                "use_bias": False}},
    {"BatchNormalization": {"momentum": 0.6}},
    "GlobalAveragePooling2D",
    {"Dense": {"units": 3, "activation": "softmax"}},
]  # fmt: skip
BRANCHES = [
    {"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 4,
                "kernel_constraint": {"MaxNorm": 0.5}}},
    {"PReLU": {"shared_axes": [1, 2], "alpha_initializer": {"Constant": 0.2}}},
    {"Concatenate": [[], [{"BatchNormalization": {"momentum": 0.6}}, {"Dense": 4}]]},
    {"Multiply": [
        [
            {"UpSampling2D": {"interpolation": "bilinear"}},
            {"Resizing": {"height": 17, "width": 15}},
            {"Resizing": {"height": 32, "width": 32, "interpolation": "nearest"}},
        ],
        ["GlobalAveragePooling2D", {"Dense": {"units": 8, "activation": "sigmoid"}}],
    ]},
    "GlobalAveragePooling2D",
    {"Dense": {"units": 3, "activation": "softmax"}},
]  # fmt: skip
NESTEROV = {
    "learning_rate": 0.1,
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 0.01,
    "exclude_from_weight_decay": ["bias", "beta"],
}
AUGMENTATION = [
    "RandomRotation",
    {"RandomZoom": {"height_factor": 0.3, "fill": "nearest"}},
    {"RandomShear": {"x_factor": 0.3, "fill": "zero", "interpolation": "nearest"}},
]
DENSE = ["Flatten", {"Dense": {"units": 3, "activation": "softmax"}}]
# The settings of a training, its layers and its augmentation. JAX compiles all of a
# case, so that each has what no other has.
CASES: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    (
        {
            "optimizer": {"SGD": NESTEROV},
            "learning_rate_multipliers": {"beta": 4},
            "averaging": {"Lookahead": {"every_steps": 2}},
        },
        LAYERS,
        AUGMENTATION,
    ),
    (
        {
            "optimizer": {"Adam": 0.02},
            "averaging": {"ExponentialMovingAverage": 0.5},
            "precision": "mixed_bfloat16",
            "label_smoothing": 0.1,
        },
        LAYERS,
        [],
    ),
    ({"optimizer": {"SGD": 0.05}}, BRANCHES, []),
    (
        {
            "optimizer": {"Adamax": 0.002},
            "learning_rate_schedule": {"CosineDecayRestarts": 0.7},
        },
        DENSE,
        [],
    ),
]


needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")

# Each takes long to compile; whatever another shipped config names is in one of these.
# Networks of Keras's applications are compared in tests/network. The layers
# at these places are left out: those before them once more, only wider.
COMPARED = {
    "article": slice(0, 0),
    "fast": slice(8, 22),
    "resnet18": slice(9, 19),
    "speedrun": slice(8, 22),
    "speedrun-gpu": slice(8, 22),
}
APART = "transfer-inception"
# One epoch of two steps of one size, since JAX compiles a program for each; on numbers
# that both backends take alike. The other test has a smaller last batch.
CUT = {
    "training.epochs": 1,
    "training.batch_size": 10,
    "training.precision": "float32",
    "data.validation_fraction": 0.2,
    "data.normalization": {"mean": [0.5, 0.5, 0.4], "deviation": [0.2, 0.2, 0.3]},
}
# Weight decay by far too large a rate.
DIVERGING = {
    "config": {
        "data": {"dataset": "folder", "path": "x", "validation_fraction": 0},
        "model": {
            "layers": [
                "Flatten",
                {"Dense": {"units": 3, "kernel_regularizer": {"L2": 1.0}}},
            ]
        },
        "training": {"batch_size": 4, "optimizer": {"SGD": 10.0}},
    },
    "pictures": 70,
}
# Each backend draws masks and noise of its own.
_DRAWN = re.compile(
    r"((?:Dropout|SpatialDropout2D): \{[^}]*rate: |GaussianNoise: \{[^}]*stddev: )"
    r"[0-9.e-]+"
)


def train_on(backend: str, folder: Path, cases: list[dict[str, object]]) -> list[Any]:
    """The losses of each case, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder / backend, json.dumps(cases)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def shortened(name: str) -> str:
    """A shipped config that is compared, as YAML, without what its layers repeat."""
    layers = yaml.safe_load(load_config(name).to_yaml())["model"]["layers"]
    del layers[COMPARED[name]]
    return load_config(name, {"model.layers": layers}).to_yaml()


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Training and validation loss of every shipped config on each backend."""
    folder = tmp_path_factory.mktemp("backends")
    cases = []
    for name in COMPARED:
        file = folder / f"{name}.yaml"
        config = load_config(name)
        file.write_text(_DRAWN.sub(r"\g<1>0", shortened(name)))
        optimizer = config.training.optimizer
        # With the whole of it, and with more steps, what was rounded in the first step
        # of a deep network grows to percents.
        rate = {
            f"training.optimizer.{optimizer.type}.learning_rate": (
                0.1 * optimizer.learning_rate
            )
        }
        overrides = {**CUT, **rate}
        cases.append({"file": str(file), "overrides": overrides, "pictures": 30})
    return {
        backend: dict(zip(COMPARED, train_on(backend, folder, cases), strict=True))
        for backend in ("tensorflow", "jax")
    }


def test_the_others_name_nothing_else():
    words = {
        name: set(re.findall(r"\b[A-Z]\w+", load_config(name).to_yaml()))
        for name in shipped_names()
        if name != APART
    }
    assert {"Muon", "Conv2D", "Residual"} <= set().union(*words.values())
    of_compared = [set(re.findall(r"\b[A-Z]\w+", shortened(name))) for name in COMPARED]
    assert of_compared == [words[name] for name in COMPARED]
    assert set().union(*of_compared) == set().union(*words.values())


def test_masks_and_noise_are_left_out_of_the_comparison():
    noisy = [{"Dropout": 0.25}, {"SpatialDropout2D": 0.5}, {"GaussianNoise": 1e-2}]
    dense = {"Dense": {"units": 10, "activation": "softmax"}}
    config = load_config("article", {"model.layers": [*noisy, "Flatten", dense]})
    text = _DRAWN.sub(r"\g<1>0", config.to_yaml())
    assert text.count("rate: 0}") == 2
    assert text.count("stddev: 0}") == 1


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_an_epoch_of_a_shipped_config_has_the_same_losses_on_both_backends(
    losses: dict[str, dict[str, Any]], name: str
):
    assert losses["jax"][name] == pytest.approx(losses["tensorflow"][name], rel=2e-4)


@needs_jax
@pytest.mark.slow
def test_the_pieces_of_the_recipes_give_the_same_losses_on_both_backends(
    tmp_path: Path,
):
    cases = [
        {
            "config": {
                "data": {
                    "dataset": "folder",
                    "path": "x",
                    "validation_fraction": 0.2,
                    "augmentation": augmentation,
                },
                "model": {"layers": layers},
                "training": {"epochs": 2, "batch_size": 16, **training},
            },
            "pictures": 70,
        }
        for training, layers, augmentation in CASES
    ]
    *expected, place = train_on("tensorflow", tmp_path, [*cases, DIVERGING])
    *others, other_place = train_on("jax", tmp_path, [*cases, DIVERGING])
    diverged = "In epoch 1, at step 16 of 18, the loss is not finite any more"
    assert place == other_place == diverged
    for number, found in enumerate(others):
        # bfloat16 has 8 bits, and the backends round in other places.
        tolerance = 1e-2 if "precision" in CASES[number][0] else 1e-3
        assert found == pytest.approx(expected[number], rel=tolerance)
