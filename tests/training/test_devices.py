"""A training on several devices: what one device comes to, but for rounding.

The devices are parts of this CPU, into which it is divided when JAX or TensorFlow
starts; so the tests run in processes of their own, which the last one starts.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn import engine
from cifarcnn.config import Config
from cifarcnn.engine.backend_choice import BACKENDS, WITHOUT_XLA
from cifarcnn.engine.distribution import (
    current_distribution,
    distributed_over,
    on_one_device,
)
from cifarcnn.errors import DeviceError, Stopped, UsageError
from cifarcnn.runs import Run
from cifarcnn.training import blocks
from cifarcnn.training.compilation import uses_xla
from cifarcnn.training.input_pipeline import validation_batches
from cifarcnn.training.observer import Observer
from cifarcnn.training.preparation import require_divisible
from cifarcnn.training.resume import plan_resume
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data
from tests.training.conftest import build_training_model, result
from tests.training.divided_cpu import DIVIDED, ON_PARTS, on_parts

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

# All that is computed over a whole batch: statistics of normalizations, the partners of
# mixed pictures, penalties. And masks that are drawn.
LAYERS = [
    {
        "Conv2D": {
            "filters": 6,
            "kernel_size": 3,
            "strides": 4,
            "kernel_regularizer": {"L1L2": {"l1": 0.001, "l2": 0.002}},
            "activity_regularizer": {"L1L2": {"l1": 0.01, "l2": 0.02}},
        }
    },
    {"BatchNormalization": {"momentum": 0.6}},
    {"Activation": "gelu"},
    {"GaussianNoise": 0.1},
    {"SpatialDropout2D": 0.1},
    {"Residual": [{"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same"}}]},
    "GlobalAveragePooling2D",
    {"Dropout": 0.2},
    {"AlphaDropout": 0.1},
    {"Dense": {"units": 3, "activation": "softmax"}},
]
AUGMENTATION = [
    "RandomFlip",
    {"RandomTranslation": {"pixels": 2}},
    {"MixUp": 0.4},
    {"CutMix": 1.0},
]
CASES: dict[str, dict[str, Any]] = {
    "SGD": {
        "optimizer": {"SGD": {"learning_rate": 0.02, "momentum": 0.9}},
        "averaging": {"Lookahead": {"every_steps": 3}},
        "class_weights": {"red": 2.0, "green": 0.5, "blue": 0.7},
        "label_smoothing": 0.1,
    },
    "Adam": {"optimizer": {"Adam": 0.002}},
    "Muon": {"optimizer": {"Muon": 0.002}},
    # The gradients are shortened once they are added up.
    "AdamW": {
        "optimizer": {"AdamW": {"learning_rate": 0.002, "global_clipnorm": 0.5}},
        "learning_rate_multipliers": {"beta": 4.0},
    },
}
# 200 pictures, of which 160 are learnt from: 13 steps of 12 and a smaller one of 4, and
# the 40 to validate by are no multiple of 3 devices.
COUNT, BATCH, EPOCHS = 200, 12, 4


@pytest.fixture
def make(make_config: Callable[..., Config]) -> Callable[..., Config]:
    def make(**changes: Any) -> Config:
        settings = {"batch_size": BATCH, "epochs": EPOCHS, **changes}
        config = make_config(layers=LAYERS, **settings)
        data = {**config.model_dump()["data"], "augmentation": AUGMENTATION}
        return config.with_data(augmentation=type(config.data)(**data).augmentation)

    return make


@pytest.fixture
def losses(make, make_dataset, device) -> Callable[..., np.ndarray]:
    def losses(
        count: int, streamed: bool = False, epochs: int = EPOCHS, **changes: Any
    ) -> np.ndarray:
        """Of each step of some epochs, and behind them of their validations."""
        config = make(epochs=epochs, **changes)
        data = load_training_data(config, make_dataset(COUNT))
        data = dataclasses.replace(data, streamed=streamed)
        many = dataclasses.replace(device, count=count)
        with distributed_over(many):
            model, batches = build_training_model(config, data, many, "float32", epochs)
            judged = validation_batches(data, batches.augmentation, batches.streamed)
            learn = model.make_steps(batches, training=True)
            judge = model.make_steps(judged, training=False)
            found = []
            for epoch in range(epochs):
                for block in batches.blocks(epoch, 0, None):
                    for step in range(block.end - block.first):
                        model.reset_metrics()
                        logs = learn(block.numbers, step, step + 1)
                        found.append(float(logs["loss"]))
            model.reset_metrics()
            for block in judged.blocks(0, 0, None):
                logs = judge(block.numbers, 0, block.end - block.first)
            return np.array([*found, float(logs["loss"]), float(logs["accuracy"])])

    return losses


@on_parts
@pytest.mark.parametrize("case", CASES)
def test_several_devices_come_to_the_losses_of_one(losses, case):
    one = losses(1, **CASES[case])
    assert len(one) == 14 * EPOCHS + 2
    # Each device more takes long to compile.
    for count in (2, 4) if case == "SGD" else (2,):
        many = losses(count, **CASES[case])
        assert np.abs(many - one).max() < 1e-5


@on_parts
def test_a_training_can_leave_normalizations_to_each_device(losses):
    apart = {"synchronized_batch_normalization": False}
    one = losses(1, epochs=1, **apart)
    assert np.array_equal(one, losses(1, epochs=1))
    two = losses(2, epochs=1, **apart)
    assert np.isfinite(two).all()
    assert np.abs(one - two).max() > 1e-4


@on_parts
def test_pictures_that_are_streamed_come_to_each_device_as_those_of_a_table(
    losses, monkeypatch
):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3 * BATCH * 3072)
    assert np.array_equal(losses(2), losses(2, streamed=True))


@on_parts
def test_a_batch_of_the_only_pictures_is_filled_up_to_a_multiple_of_the_devices(
    make, make_dataset, device
):
    # 9 pictures in a batch of 12, of which each of 4 devices takes 3.
    data = load_training_data(make(validation_fraction=0), make_dataset(9))
    with distributed_over(dataclasses.replace(device, count=4)):
        config = make(validation_fraction=0)
        _, batches = build_training_model(config, data, device, "float32", 1)
        numbers = batches.block(0, 0).numbers
    assert batches.batch_size == 12
    assert batches.smaller_last
    assert np.asarray(numbers["images"]).tolist() == [9]
    index = np.asarray(numbers["index"])[0]
    assert sorted(index[:9]) == list(range(9))
    if device.backend == "jax":
        assert numbers["index"].sharding.shard_shape((1, 12)) == (1, 3)


@on_parts
def test_what_is_built_apart_lies_on_one_device(device, keras):
    with distributed_over(dataclasses.replace(device, count=2)):
        many = keras.Variable(np.zeros(3))
        with on_one_device():
            assert current_distribution() is None
            one = keras.Variable(np.zeros(3))
    after = keras.Variable(np.zeros(3))
    assert current_distribution() is None
    variables = [each.value for each in (many, one, after)]
    if device.backend == "jax":
        assert [len(each.devices()) for each in variables] == [2, 1, 1]
    else:
        assert [len(getattr(each, "values", [0])) for each in variables] == [2, 1, 1]


class StopsAt(Observer):
    def __init__(self, epoch: int, step: int) -> None:
        self.place = epoch, step
        self.notes: list[str] = []

    def noted(self, sentence):
        self.notes.append(sentence)

    def batch_ended(self, epoch, step, logs):
        if (epoch, step) == self.place:
            raise Stopped(2, "stopped by the test")


@on_parts
def test_a_run_begun_on_two_devices_goes_on_on_one_and_the_other_way(
    make, make_dataset, device, run, tmp_path
):
    config = make(epochs=2, steps_per_execution=1, checkpoint_minutes=1e-9)
    data = load_training_data(config, make_dataset(COUNT))
    devices = {n: dataclasses.replace(device, count=n) for n in (1, 2)}
    whole = {n: Run.create(tmp_path / f"whole{n}", "tiny") for n in devices}
    for count, of_count in whole.items():
        train(config, data, of_count, devices[count])
    records = [of_count.read_history() for of_count in whole.values()]
    for one, two in zip(*records, strict=True):
        assert float(one["loss"]) == pytest.approx(float(two["loss"]), abs=1e-5)
    for first, second in ((1, 2), (2, 1), (2, 2)):
        resumed = Run.create(tmp_path / f"from{first}to{second}", "tiny")
        with pytest.raises(Stopped):
            train(config, data, resumed, devices[first], observer=StopsAt(1, 5))
        plan = plan_resume(resumed, config)
        assert (plan.checkpoint.state.epoch, plan.checkpoint.state.step) == (0, 5)
        seen = StopsAt(0, 0)
        train(config, data, resumed, devices[second], resume=plan, observer=seen)
        changed = f"device.count was {first}, is {second} now"
        assert any(changed in note for note in seen.notes) == (first != second)
        if first == second:
            assert result(resumed) == result(whole[first])
        for one, other in zip(
            resumed.read_history(), whole[1].read_history(), strict=True
        ):
            assert float(one["loss"]) == pytest.approx(float(other["loss"]), abs=1e-5)


@on_parts
def test_all_devices_or_as_many_as_there_are(device):
    found = [engine.start("cpu", devices=count) for count in (1, 3, "all")]
    assert [each.count for each in found] == [1, 3, 4]
    assert found[1].description == f"3 devices, each {found[0].description}"
    slower = [(each.note or "").endswith(WITHOUT_XLA) for each in found]
    assert slower == [False, *[device.backend == "tensorflow"] * 2]
    with pytest.raises(DeviceError) as caught:
        engine.start("cpu", devices=5)
    assert str(caught.value) == (
        f"training.devices is 5, but {BACKENDS[device.backend]} finds 4 (cpu) here. "
        "Train on fewer, or on all of them (training.devices=all). A CPU is one, "
        "unless the environment variable XLA_FLAGS divides it: "
        "XLA_FLAGS=--xla_force_host_platform_device_count=5"
    )


@pytest.mark.skipif(ON_PARTS, reason="needs nothing")
def test_tensorflow_compiles_no_steps_of_several_devices(device):
    many = dataclasses.replace(device, count=2, backend="tensorflow", kind="gpu")
    assert not uses_xla("auto", many)
    with pytest.raises(UsageError) as caught:
        uses_xla(True, many)
    assert str(caught.value) == (
        "On TensorFlow XLA cannot compile steps that several devices do together. "
        "Leave training.jit_compile at auto, or train on JAX (--backend jax)."
    )


@pytest.mark.skipif(ON_PARTS, reason="needs nothing")
def test_each_device_takes_as_many_pictures_as_the_others(device):
    for batch_size, count in ((12, 1), (12, 4), (4, 4)):
        require_divisible(batch_size, dataclasses.replace(device, count=count))
    for batch_size, fitting in ((13, 12), (3, 4)):
        with pytest.raises(UsageError) as caught:
            require_divisible(batch_size, dataclasses.replace(device, count=4))
        assert str(caught.value) == (
            f"A batch of {batch_size} pictures (training.batch_size) cannot be divided "
            f"among 4 devices. Use training.batch_size={fitting}, or another number of "
            "devices (training.devices)."
        )


@pytest.mark.skipif(ON_PARTS, reason="the others run there already")
@pytest.mark.parametrize("backend", BACKENDS)
def test_all_of_this_holds_on_parts_of_a_cpu(backend):
    pytest.importorskip(backend)
    command = "-m pytest -q -n 0 -p no:cacheprovider -s".split()
    other = Path(__file__).with_name("test_normalized_apart.py")
    done = subprocess.run(
        [sys.executable, *command, __file__, str(other)],
        env={**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": DIVIDED},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
