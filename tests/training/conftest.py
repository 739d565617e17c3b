"""Keras on the CPU, a tiny data set that can be learnt, and configs for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn import engine
from cifarcnn.config import Config
from cifarcnn.data.dataset import Dataset
from cifarcnn.data.splits import Split
from cifarcnn.literals import Policy
from cifarcnn.runs import Run
from cifarcnn.training.training_data import TrainingData

NAMES = ("red", "green", "blue")
TINY_LAYERS = [
    {"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 4, "activation": "relu"}},
    "GlobalAveragePooling2D",
    {"Dropout": 0.1},
    {"Dense": {"units": 3, "activation": "softmax"}},
]

MakeConfig = Callable[..., Config]


@dataclass(frozen=True)
class ArrayStore:
    """Images that are there already."""

    images: Split

    def training(self) -> Split:
        return self.images

    def test(self) -> Split:
        return self.images


def coloured(count: int, seed: int = 0) -> Split:
    """Noisy images of three colours, as many of each."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % 3).astype(np.uint8)
    images = random.integers(0, 120, (count, 32, 32, 3), dtype=np.uint8)
    images[np.arange(count), :, :, labels] += 100
    return Split(images, labels)


@pytest.fixture(scope="session")
def device() -> engine.Device:
    return engine.start("cpu")


@pytest.fixture(scope="session")
def keras(device: engine.Device) -> Any:
    import keras

    return keras


@pytest.fixture
def make_dataset() -> Callable[[int], Dataset]:
    def make(count: int) -> Dataset:
        return Dataset(
            name="folder",
            class_names=NAMES,
            origin="arrays of the test",
            checksum="0" * 64,
            official=False,
            notice=None,
            store=ArrayStore(coloured(count)),  # type: ignore[arg-type]
            image_shape=(32, 32, 3),
        )

    return make


@pytest.fixture
def make_config() -> MakeConfig:
    def make(
        layers: list[Any] | None = None,
        validation_fraction: float = 0.2,
        **training: Any,
    ) -> Config:
        defaults = {"epochs": 2, "batch_size": 16, "optimizer": {"Adam": 0.02}}
        return Config.model_validate(
            {
                "name": "tiny",
                "data": {
                    "dataset": "folder",
                    "path": "unused",
                    "validation_fraction": validation_fraction,
                },
                "model": {"layers": layers or TINY_LAYERS},
                "training": {**defaults, **training},
            }
        )

    return make


def build_training_model(
    config: Config,
    data: TrainingData,
    device: engine.Device,
    precision: Policy,
    epochs: int,
) -> tuple[Any, Any]:
    """What the first fit of a training trains, and its batches."""
    from cifarcnn.training.fits import plan_fits
    from cifarcnn.training.networks import build_networks
    from cifarcnn.training.observer import Observer
    from cifarcnn.training.training_models import TrainingModels

    networks = build_networks(config, data, device, precision)
    fits = plan_fits(config, epochs)
    models = TrainingModels(networks, data, fits, device, Observer(), [])
    return models.build(fits[0])


def result(run: Run) -> dict[str, Any]:
    """All of a trained run that must be the same, bit for bit."""
    from safetensors.numpy import load_file

    times = ("duration_seconds", "pictures_per_second")
    newest = max((run.path / "checkpoint").glob("*.safetensors"))
    files = [run.path / name for name in ("weights.safetensors", "last.safetensors")]
    arrays = {
        f"{path.name[:5]} {name}": array.tobytes()
        for path in (*files, newest)
        for name, array in load_file(path).items()
    }
    rows = [
        {key: value for key, value in row.items() if key not in times}
        for row in run.read_history()
    ]
    kept = run.read_metrics()["kept"]
    return {"arrays": arrays, "rows": rows, "kept": kept["epoch"]}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "tiny")
