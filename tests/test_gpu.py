"""What a GPU must do, as commands in processes of their own; the same on the CPU.

`pytest -m gpu` runs those that need one, wherever one is visible.
"""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

CONFIG = """
name: small
data:
  dataset: synthetic
  augmentation: [RandomFlip, RandomTranslation: {pixels: 2}]
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3, strides: 2, activation: relu}
    - MaxPooling2D
    - BatchNormalization
    - Conv2D: {filters: 8, kernel_size: 3, activation: gelu}
    - MaxPooling2D: {pool_size: 3, strides: 2}
    - GlobalAveragePooling2D
    - Dropout: {rate: 0.1}
    - Dense: {units: 10, activation: softmax}
training: {epochs: 2, batch_size: 1000, deterministic: true, optimizer: Adam}
"""
GPU = pytest.param("gpu", marks=pytest.mark.gpu)
CPU = pytest.param("cpu", marks=pytest.mark.slow)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def backend(request: pytest.FixtureRequest) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@pytest.fixture(scope="module", params=[CPU, GPU])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("gpu")
    (made / "small.yaml").write_text(CONFIG)
    return made


@pytest.fixture(scope="module")
def run(
    folder: Path, gpu_environment: Mapping[str, str], shared_cache: Path, backend: str
) -> Run:
    """Runs a command of cifarcnn, as where no GPU is hidden."""

    def run(*arguments: object, code: int = 0, **changes: str):
        done = subprocess.run(
            [sys.executable, "-m", "cifarcnn", *map(str, arguments)],
            cwd=folder,
            env={
                **gpu_environment,
                "KERAS_BACKEND": backend,
                "CIFARCNN_CACHE": str(shared_cache),
                **changes,
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def trained(run: Run, folder: Path, backend: str, device: str) -> Path:
    place = folder / f"{backend}-{device}"
    run("train", "--config", "small.yaml", "--run", place, "--device", device)
    return place


def result(place: Path) -> dict[str, Any]:
    """All that must be the same, to the bit."""
    times = ("duration_seconds", "pictures_per_second")
    with (place / "history.csv").open(encoding="utf-8", newline="") as lines:
        rows = [
            {key: row[key] for key in row if key not in times}
            for row in csv.DictReader(lines)
        ]
    weights = (place / "weights.safetensors").read_bytes()
    return {"weights": hashlib.sha256(weights).hexdigest(), "rows": rows}


def test_a_training_leaves_its_files_and_says_where_it_ran(trained: Path, device: str):
    environment = json.loads((trained / "environment.json").read_text())
    assert environment["device"]["kind"] == device
    assert environment["deterministic"] is True
    assert (trained / "model.keras").exists()


# On the CPU the next test says as much, with two more processes.
@pytest.mark.parametrize("device", [GPU], indirect=True)
def test_a_deterministic_training_comes_to_the_same_bits_again(
    trained: Path, run: Run, device: str
):
    again = trained.with_name(f"{trained.name}-again")
    run("train", "--config", "small.yaml", "--run", again, "--device", device)
    assert result(again) == result(trained)


def test_a_deterministic_training_that_was_cut_comes_to_the_same_bits(
    trained: Path, run: Run, device: str
):
    cut = trained.with_name(f"{trained.name}-cut")
    train = ("train", "--device", device)
    once = ("--set", "training.epochs=1")
    run(*train, "--config", "small.yaml", "--run", cut, *once)
    run(*train, "--resume", cut, "--set", "training.epochs=2")
    assert result(cut) == result(trained)


# Those of JAX on the CPU are in tests/cli/test_backend.py.
@pytest.mark.parametrize(
    ("backend", "device"),
    [
        pytest.param("tensorflow", "cpu", marks=pytest.mark.slow),
        pytest.param("tensorflow", "gpu", marks=pytest.mark.gpu),
        pytest.param("jax", "gpu", marks=pytest.mark.gpu),
    ],
    indirect=True,
)
def test_it_is_judged_and_asked_as_on_the_cpu(trained: Path, run: Run, device: str):
    accuracies = {}
    for place in {device, "cpu"}:
        options = ("--run", trained, "--device", place)
        done = run("evaluate", *options, "--json")
        accuracies[place] = json.loads(done.stdout)["accuracy"]
        run("predict", "test:0-9", "--keras", *options)
    assert accuracies[device] == pytest.approx(accuracies["cpu"], abs=0.01)
    page = trained.with_suffix(".html")
    run("explain", "test:0", "--run", trained, "--device", device, "--out", page)
    assert page.stat().st_size > 100_000


@pytest.mark.gpu
def test_what_does_not_fit_the_card_names_the_batch_to_try(run: Run, folder: Path):
    # 440 GB of outputs for a batch, which no GPU of today has.
    done = run(
        *("train", "--config", "small.yaml", "--run", folder / "large"),
        *("--device", "gpu", "--set", "training.batch_size=8192"),
        *("--set", "model.layers.0.Conv2D.filters=60000"),
        code=1,
    )
    assert "training.batch_size=" in done.stderr


@pytest.mark.gpu
def test_a_gpu_that_is_hidden_is_missed_by_name(run: Run, folder: Path):
    done = run(
        *("train", "--config", "small.yaml", "--run", folder / "hidden"),
        *("--device", "gpu"),
        code=1,
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert "CUDA_VISIBLE_DEVICES" in done.stderr
