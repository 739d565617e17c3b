"""Inputs that come to the device as they are used: the same training, to the bit.

On TensorFlow, with XLA and without; where JAX is installed the last test runs all of
them on JAX too, in a process of its own.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError, Stopped
from cifarcnn.runs import Run
from cifarcnn.training import blocks, streaming
from cifarcnn.training.input_pipeline import TrainingBatches, input_rows
from cifarcnn.training.input_rows import InputRows
from cifarcnn.training.observer import Observer
from cifarcnn.training.resume import plan_resume
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import TrainingData, load_training_data
from tests.training.conftest import result

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert", "small_blocks")]

on_jax = os.environ.get("KERAS_BACKEND") == "jax"
needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
CHANGES = ["RandomFlip", {"RandomTranslation": {"pixels": 2}}, {"MixUp": 0.4}]
COUNT = 1500
BATCH = 100


@pytest.fixture
def small_blocks(monkeypatch):
    """Three steps of the training; one of the validation, which has two."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3 * BATCH * 3072)


@pytest.fixture
def make(make_config) -> Callable[..., Any]:
    def make(**changes: Any) -> Any:
        settings = {"batch_size": BATCH, "validation_fraction": 0.3, **changes}
        config = make_config(**settings)
        data = {**config.model_dump()["data"], "augmentation": CHANGES}
        return config.with_data(augmentation=type(config.data)(**data).augmentation)

    return make


@pytest.fixture
def load(make_dataset, tmp_path: Path) -> Callable[..., TrainingData]:
    def load(config: Any, *, streamed: bool | None) -> TrainingData:
        """In memory for a table, and else in a file."""
        dataset = make_dataset(COUNT)
        if streamed is not False:
            split = dataset.store.training()
            np.save(tmp_path / "images.npy", split.images)
            images = np.load(tmp_path / "images.npy", mmap_mode="r")
            store = type(dataset.store)(Split(images, split.labels))
            dataset = dataclasses.replace(dataset, store=store)
        data = load_training_data(config, dataset)
        return dataclasses.replace(data, streamed=streamed)

    return load


class Notes(Observer):
    """What is said; sends SIGINT once a step is done."""

    def __init__(self, *place: int, act: Callable[[], Any] | None = None) -> None:
        self.place = place
        self.act = act or (lambda: os.kill(os.getpid(), signal.SIGINT))
        self.notes: list[str] = []

    def noted(self, sentence):
        self.notes.append(sentence)

    def batch_ended(self, epoch, step, logs):
        if self.place and (epoch, step) >= self.place:
            self.place = ()
            self.act()


def reading_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("next block")]


@pytest.mark.parametrize("jit_compile", [True] if on_jax else [False, True])
def test_streamed_or_from_a_table_it_comes_to_the_same(
    make, load, device, run, tmp_path, jit_compile
):
    config = make(jit_compile=jit_compile)
    whole = Run.create(tmp_path / "whole", "tiny")
    train(config, load(config, streamed=False), whole, device)
    # 1,050 images in 11 steps, of which the last one has 50.
    few = make(jit_compile=jit_compile, steps_per_execution=2)
    data = load(few, streamed=True)
    with pytest.raises(Stopped) as caught:
        train(few, data, run, device, observer=Notes(1, 5))
    assert str(caught.value).startswith("Stopped in epoch 1 of 2, after step 6 of 11.")
    assert reading_threads() == []
    one = make(jit_compile=jit_compile, steps_per_execution=1)
    plan = plan_resume(run, one)
    with pytest.raises(Stopped) as caught:
        train(one, data, run, device, resume=plan, observer=Notes(2, 10))
    assert str(caught.value).startswith("Stopped in epoch 2 of 2, after step 11 of 11.")
    train(config, data, run, device, resume=plan_resume(run, config))
    found, expected = result(run), result(whole)
    assert found["arrays"] == expected["arrays"]
    if jit_compile:
        # XLA makes another program of a validation, with other last digits.
        for rows in (found["rows"], expected["rows"]):
            for row in rows:
                row["val_loss"] = f"{float(row['val_loss']):.5g}"
    assert found["rows"] == expected["rows"]
    assert reading_threads() == []


def test_a_training_that_began_with_a_table_goes_on_streamed(
    make, load, device, run, tmp_path
):
    config = make()
    whole = Run.create(tmp_path / "whole", "tiny")
    train(config, load(config, streamed=True), whole, device)
    single = make(steps_per_execution=1)
    with pytest.raises(Stopped):
        train(single, load(single, streamed=False), run, device, observer=Notes(1, 4))
    plan = plan_resume(run, config)
    train(config, load(config, streamed=True), run, device, resume=plan)
    assert result(run) == result(whole)


def test_what_does_not_fit_is_streamed_and_said(make, load, device, run, monkeypatch):
    config = make(epochs=1)
    notes = Notes()
    monkeypatch.setattr(streaming, "free_device_memory", lambda on_gpu: 9_000_000)
    data = load(config, streamed=None)
    train(config, data, run, device, observer=notes)
    assert notes.notes[0] == (
        "The pictures would take 4.6 MB of the 9.0 MB of memory that are free: they "
        "are streamed, 0.9 MB at a time."
    )
    rows = input_rows(data)
    monkeypatch.setattr(streaming, "free_device_memory", lambda on_gpu: 9_500_000)
    assert streaming.choose_streamed(rows, "pictures", device, notes) is None
    monkeypatch.setattr(streaming, "free_device_memory", lambda on_gpu: None)
    assert streaming.choose_streamed(rows, "pictures", device, notes) is None
    many = InputRows([np.broadcast_to(np.uint8(0), (400_000, 32, 32, 3))])
    gpu = dataclasses.replace(device, kind="gpu")
    assert streaming.choose_streamed(many, "features", gpu, notes) is many
    assert notes.notes[-1] == (
        "The features would take 1.2 GB of the memory of the GPU, of which nobody says "
        "how much is free: they are streamed, 0.9 MB at a time."
    )


def test_what_is_read_ahead_stays_within_its_bound(make, load, device, run):
    alive: set[int] = set()
    most = 0
    take = InputRows.take

    def counting(rows: InputRows, *arguments: Any) -> np.ndarray:
        nonlocal most
        taken = take(rows, *arguments)
        memory: Any = taken
        while memory.base is not None:
            memory = memory.base
        alive.add(id(memory))
        weakref.finalize(memory, alive.discard, id(memory))
        most = max(most, len(alive))
        return taken

    config = make(epochs=3, steps_per_execution=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InputRows, "take", counting)
        train(config, load(config, streamed=True), run, device)
    # One in use and one ready, of training and validation; and one that is being read.
    assert 2 <= most <= 5
    assert not alive


def test_a_file_that_was_cut_short_is_told_with_the_way_on(
    make, load, device, run, tmp_path
):
    config = make(steps_per_execution=1)
    path = tmp_path / "images.npy"
    data = load(config, streamed=True)
    size = path.stat().st_size
    cut = Notes(2, 2, act=lambda: os.truncate(path, 1_000_000))
    with pytest.raises(DataError) as caught:
        train(config, data, run, device, observer=cut)
    begin, _, end = str(caught.value).partition(" or more were expected. ")
    assert begin.startswith(
        f"{path} was cut short while it was in use: it has 1,000,000 bytes, and "
    )
    assert end == (
        "The next command makes it anew. The last checkpoint is of the end of epoch 1. "
        f"Once this is mended, go on with: cifarcnn train --resume {run.path}"
    )
    assert reading_threads() == []
    again = load(config, streamed=True)
    assert path.stat().st_size == size
    train(config, again, run, device, resume=plan_resume(run, config))
    assert len(run.read_history()) == 2


def test_a_file_that_is_removed_while_it_is_in_use_is_not_missed(
    make, load, device, run, tmp_path
):
    config = make(steps_per_execution=1)
    data = load(config, streamed=True)
    removed = Notes(1, 2, act=(tmp_path / "images.npy").unlink)
    train(config, data, run, device, observer=removed)
    assert len(run.read_history()) == 2


def test_an_early_end_ends_the_threads(keras, make, load, device, run):
    class Enough(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch >= 3

    config = make(steps_per_execution=1)
    train(config, load(config, streamed=True), run, device, callbacks=[Enough()])
    assert reading_threads() == []


def test_blocks_of_one_shape_hold_the_inputs_of_their_steps(keras):
    random = np.random.default_rng(0)
    features = random.normal(size=(1010, 3, 4)).astype(np.float32)
    labels = (np.arange(1010) % 7).astype(np.uint8)
    rows = InputRows([features[:700], features[700:]])
    plain = TrainingBatches(labels, BATCH, 3)
    streamed = TrainingBatches(labels, BATCH, 3, streamed=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", 4 * BATCH * rows.row_bytes)
        streamed = TrainingBatches(labels, BATCH, 3, streamed=rows)
    expected = plain.block(1, 0).numbers
    read_blocks = list(streamed.blocks(1, 2, then=None))
    assert [(block.first, block.end) for block in read_blocks] == [
        (2, 6),
        (6, 10),
        (10, 11),
    ]
    for block in read_blocks:
        shapes = {name: tuple(array.shape) for name, array in block.numbers.items()}
        assert shapes == {
            "inputs": (4, BATCH, 3, 4),
            "labels": (4, BATCH),
            "images": (4,),
        }
        for step in range(block.first, block.end):
            inputs, found = streamed.read(block.numbers, step - block.first)
            others, labels_of_step = plain.read(expected, step)
            index = np.asarray(others["index"])
            assert np.array_equal(np.asarray(inputs["inputs"]), features[index])
            assert np.array_equal(np.asarray(found), np.asarray(labels_of_step))
    streamed.close()


def test_the_rows_of_a_training_are_not_copied(make, load):
    data = load(make(), streamed=True)
    rows = input_rows(data)
    assert rows.shape == (COUNT, 32, 32, 3)
    index = np.array([0, 1049, 1050, 1499])
    split, validation = data.split.images, data.validation.images
    expected = np.stack([split[0], split[-1], validation[0], validation[-1]])
    assert np.array_equal(rows.take(index), expected)


@needs_jax
@pytest.mark.skipif(on_jax, reason="the others run on jax already")
def test_all_of_this_holds_on_jax_too():
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", __file__],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
