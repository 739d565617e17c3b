"""Too little memory: known before where it is certain, and told with a way out."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.config import summarize
from cifarcnn.errors import RunError
from cifarcnn.runs import Run
from cifarcnn.training import memory_check
from cifarcnn.training.memory_check import (
    explain_out_of_memory,
    least_bytes_of_image,
    least_bytes_of_weights,
    require_memory,
)
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data

pytestmark = pytest.mark.slow

GIB = 1024**3
COMMAND = [sys.executable, "-m", "cifarcnn", "train", "--device", "cpu", "-c"]
LARGE = """\
name: large
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 64, kernel_size: 3, padding: same, activation: relu}
    - Conv2D: {filters: 64, kernel_size: 3, padding: same, activation: relu}
    - MaxPooling2D
    - Flatten
    - Dense: {units: 10, activation: softmax}
training: {epochs: 1, batch_size: 9000}
"""


def test_what_is_kept_for_the_gradient_is_counted_by_hand(make_config):
    layers = [
        {"Conv2D": {"filters": 8, "kernel_size": 3, "padding": "same"}},
        "BatchNormalization",
        {"Activation": "relu"},
        {"Residual": [{"Conv2D": {"filters": 8, "kernel_size": 1}}]},
        {"Conv2D": {"filters": 4, "kernel_size": 1, "activation": "relu"}},
        "GlobalAveragePooling2D",
        {"Dense": 3},
    ]
    config = make_config(layers=layers)
    rows = summarize(config).rows
    # The images, the first convolution and its activation: the sum of the residual
    # may take the place of its convolution, and a mean needs nothing.
    values = 32 * 32 * (3 + 8 + 8)
    assert least_bytes_of_image(config.image_shape, rows, 4) == 4 * values
    assert least_bytes_of_image(config.image_shape, rows, 2) == 2 * values
    parameters = (27 + 1) * 8 + 4 * 8 + 9 * 8 + 9 * 4 + 5 * 3
    assert least_bytes_of_weights(rows) == 8 * parameters


@pytest.mark.parametrize(
    ("batch_size", "way_out"),
    [
        (300, "Try --set training.batch_size=128, a smaller network, or a machine"),
        (2, "Try --set training.batch_size=1, a smaller network, or a machine"),
        (1, "Use a smaller network, or a machine"),
    ],
)
def test_what_is_raised_for_want_of_memory_becomes_a_sentence(
    batch_size: int, way_out: str
):
    with pytest.raises(RunError) as caught, explain_out_of_memory(batch_size):
        np.zeros(2**50)
    assert str(caught.value) == (
        f"The memory is not enough for a batch of {batch_size} pictures. {way_out} "
        "with more memory."
    )


def test_on_a_gpu_it_is_the_memory_of_that(
    run_out_of_memory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with (
        pytest.raises(RunError) as caught,
        explain_out_of_memory(300, on_gpu=True),
    ):
        run_out_of_memory()
    assert str(caught.value) == (
        "The memory of the GPU is not enough for a batch of 300 pictures. Try --set "
        "training.batch_size=128, a smaller network, or a machine with more memory."
    )


def start_training(make_dataset, device, run: Run, config, *callbacks) -> str:
    data = load_training_data(config, make_dataset(70), False)
    with pytest.raises(RunError) as caught:
        train(config, data, run, device, callbacks=callbacks)
    return str(caught.value)


def test_it_is_explained_where_the_network_is_built(
    keras, make_config, make_dataset, device, run: Run, run_out_of_memory, monkeypatch
):
    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__", run_out_of_memory)
    assert start_training(make_dataset, device, run, make_config()) == (
        "The memory is not enough for a batch of 16 pictures. Try --set "
        "training.batch_size=8, a smaller network, or a machine with more memory."
    )


@pytest.mark.usefixtures("no_litert")
@pytest.mark.parametrize("moment", ["on_train_batch_end", "on_test_batch_end"])
def test_it_is_explained_where_it_trains_and_where_it_validates(
    keras, make_config, make_dataset, device, run: Run, run_out_of_memory, moment: str
):
    class Greedy(keras.callbacks.Callback):
        pass

    setattr(Greedy, moment, run_out_of_memory)
    sentence = start_training(
        make_dataset, replace(device, kind="gpu"), run, make_config(), Greedy()
    )
    assert sentence.startswith(
        "The memory of the GPU is not enough for a batch of 16 pictures. Try --set "
        "training.batch_size=8, a smaller network, or a machine with more memory."
    )


def test_a_training_that_goes_on_keeps_its_batch_size():
    with pytest.raises(RunError) as caught, explain_out_of_memory(300, resumed=True):
        np.zeros(2**50)
    assert str(caught.value) == (
        "The memory is not enough for a batch of 300 pictures. The batch size of a "
        "training that goes on cannot change: free some memory, or go on on a machine "
        "with more."
    )


def test_what_the_pictures_take_is_counted_too(
    keras, make_config, make_dataset, device, monkeypatch
):
    config = make_config(batch_size=8192)
    data = load_training_data(config, make_dataset(50_000))
    free = 308_000_000
    monkeypatch.setattr(memory_check, "free_memory", lambda: free)
    each = least_bytes_of_image(config.image_shape, summarize(config).rows, 4)
    # Three times what a step takes is free where the pictures are streamed.
    assert 3 * 8192 * each < free < 3 * 8192 * each + 153_600_000
    assert require_memory(config, replace(data, streamed=True), device) is None
    note = require_memory(config, data, device)
    assert note is not None
    assert " and 0.3 GB are free. The pictures take 0.2 GB of them. If " in note


def test_other_exceptions_stay_what_they_are():
    with pytest.raises(KeyError), explain_out_of_memory(8):
        raise KeyError("x")


def run_with_little_memory(
    command: list[str], folder: Path
) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (5 * GIB, 5 * GIB))

    (folder / "large.yaml").write_text(LARGE)
    return subprocess.run(
        command, cwd=folder, preexec_fn=limit, capture_output=True, text=True
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere limits are not kept")
def test_a_step_that_cannot_fit_is_refused_before_anything_is_made(tmp_path: Path):
    done = run_with_little_memory([*COMMAND, "large.yaml"], tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: The network with a batch of 9,000 pictures takes at least 4\.8 GB of "
        r"memory in training, and \d\.\d GB are free\. Try --set training\.batch_size="
        r"(512|1024|2048), a smaller network, or a machine with more memory\.",
        done.stderr.splitlines()[-1],
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere limits are not kept")
def test_nor_is_another_batch_size_proposed_before_it_goes_on(tmp_path: Path):
    script = (
        "from cifarcnn import engine, load_config\n"
        "from cifarcnn.data.dataset import open_config_dataset\n"
        "from cifarcnn.training.training_data import load_training_data\n"
        "config = load_config('large.yaml')\n"
        "dataset = open_config_dataset(config)\n"
        "data = load_training_data(config, dataset)\n"
        "device = engine.start('cpu')\n"
        "from cifarcnn.training.memory_check import require_memory\n"
        "require_memory(config, data, device, resumed=True)\n"
    )
    done = run_with_little_memory([sys.executable, "-c", script], tmp_path)
    assert re.fullmatch(
        r"cifarcnn\.errors\.RunError: The network with a batch of 9,000 pictures takes "
        r"at least 4\.8 GB of memory in training, and \d\.\d GB are free\. The batch "
        r"size of a training that goes on cannot change: free some memory, or go on on "
        r"a machine with more\.",
        done.stderr.splitlines()[-1],
    )
