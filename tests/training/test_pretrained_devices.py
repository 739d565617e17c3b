"""A backbone on several devices: what one device comes to, but for rounding.

The devices are parts of this CPU, into which XLA divides it when the backend starts; so
the tests run in a process of its own, which the last one starts.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from cifarcnn.config import load_config
from cifarcnn.engine.distribution import distributed_over
from cifarcnn.runs import Run
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.input_table import InputTable
from cifarcnn.training.observer import Observer
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data

needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
DIVIDED = "--xla_force_host_platform_device_count=2"
ON_PARTS = DIVIDED in os.environ.get("XLA_FLAGS", "")
on_parts = pytest.mark.skipif(
    not ON_PARTS, reason="run by the last test, on a CPU divided into devices"
)
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

BASE = [
    {"Conv2D": {"filters": 6, "kernel_size": 3, "strides": 4, "activation": "relu"}},
    {"BatchNormalization": {"momentum": 0.5}},
    {"Conv2D": {"filters": 4, "kernel_size": 3, "padding": "same"}},
    {"BatchNormalization": {"momentum": 0.5}},
    {"Activation": "relu"},
    "GlobalAveragePooling2D",
    {"Dense": {"units": 3, "activation": "softmax"}},
]
# 56 pictures to learn from: 4 steps of 12 and a smaller one of 8.
COUNT, BATCH, EPOCHS = 70, 12, 12


class Losses(Observer):
    """The loss of each step; what is told is their mean from the first of the epoch."""

    def __init__(self) -> None:
        self.found: list[float] = []
        self.notes: list[str] = []
        self._sum = 0.0

    def noted(self, sentence: str) -> None:
        self.notes.append(sentence)

    def batch_ended(self, epoch: int, step: int, logs: Any) -> None:
        before = self._sum if step > 1 else 0.0
        self._sum = step * float(logs["loss"])
        self.found.append(self._sum - before)


@on_parts
@pytest.mark.parametrize("moved", [False, True])
def test_several_devices_come_to_the_losses_of_one(
    make_config, make_dataset, device, tmp_path, monkeypatch, moved
):
    config = make_config(layers=BASE, epochs=1)
    data = load_training_data(config, make_dataset(COUNT))
    base = Run.create(tmp_path / "base", "base")
    train(config, data, base, device)
    settings = config.model_dump(mode="json", include={"name", "data"})
    # Frozen layers are computed once where no picture moves, else in every epoch.
    moves = [{"RandomTranslation": {"pixels": 2}}] if moved else []
    settings["data"] |= {
        "normalization": "none",
        "augmentation": ["RandomFlip", *moves],
    }
    settings["model"] = {
        "layers": [
            {"Pretrained": {"run": str(base.path)}},
            "GlobalAveragePooling2D",
            {"Dropout": 0.2},
            {"Dense": {"units": 3, "activation": "softmax"}},
        ]
    }
    settings["training"] = {
        "batch_size": BATCH,
        "epochs": EPOCHS,
        "steps_per_execution": 1,
        "optimizer": {"Adam": 0.01},
        "fine_tune": {"from_epoch": 7, "layers": 4, "learning_rate": 0.002},
    }
    (tmp_path / "tuned.yaml").write_text(json.dumps(settings))
    config = load_config(tmp_path / "tuned.yaml")
    data = load_training_data(config, make_dataset(COUNT))
    found, weights = [], []
    for count in (1, 2):
        # Each computes the features itself.
        monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / f"cache{count}"))
        place, losses = Run.create(tmp_path / f"on{count}", "tuned"), Losses()
        many = dataclasses.replace(device, count=count)
        train(config, data, place, many, observer=losses)
        assert any("are computed once" in note for note in losses.notes) != moved
        found.append(np.array(losses.found))
        weights.append(load_file(place.path / "last.safetensors"))
    assert len(found[0]) == 5 * EPOCHS
    assert np.abs(found[1] - found[0]).max() < 1e-5
    # Both fits took place.
    before, name = load_file(base.path / "weights.safetensors"), "conv2d_2/kernel"
    assert not np.array_equal(weights[0][f"pretrained_1/{name}"], before[name])


@on_parts
@pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") == "tensorflow", reason="asks where JAX puts it"
)
def test_each_device_has_a_table_of_the_size_of_cifar10(device):
    numbers = np.arange(50_000, dtype=np.int32)
    images = np.broadcast_to((numbers % 251).astype(np.uint8)[:, None], (50_000, 3072))
    with distributed_over(dataclasses.replace(device, count=2)):
        table = InputTable(InputRows([images]))
        taken = table(numbers[[0, 300, 49_999]])
    assert len(table.table.value.devices()) == 2
    assert table.table.path == "input_table/table"
    assert [variable.name for variable in table.non_trainable_variables] == ["table"]
    assert np.asarray(taken)[:, -1].tolist() == [0, 49, 49_999 % 251]


@pytest.mark.parametrize(
    "backend", [pytest.param("jax", marks=needs_jax), "tensorflow"]
)
@pytest.mark.skipif(ON_PARTS, reason="the others run there already")
def test_all_of_this_holds_on_parts_of_a_cpu(backend: str):
    command = "-m pytest -q -n 0 -p no:cacheprovider -s".split()
    done = subprocess.run(
        [sys.executable, *command, __file__],
        env={**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": DIVIDED},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
