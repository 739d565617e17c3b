"""Steps that XLA compiles: many in one program, and a last batch that is filled up.

On TensorFlow; where JAX is installed the last test runs all of them on JAX too, in a
process of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from cifarcnn.config import Config
from cifarcnn.errors import Stopped
from cifarcnn.network.weights import to_numpy
from cifarcnn.runs import Run
from cifarcnn.training.input_pipeline import validation_batches
from cifarcnn.training.observer import Observer
from cifarcnn.training.resume import plan_resume
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data
from tests.training.conftest import build_training_model, result

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

ON_JAX = os.environ.get("KERAS_BACKEND") == "jax"
AUGMENTATION = [
    "RandomFlip",
    {"RandomTranslation": {"pixels": 2, "fill": "zero"}},
    "RandomRotation",
    {"RandomErasing": {"size": [4, 12]}},
    "RandomBrightness",
    "RandomContrast",
    # JAX takes long to compile all that it may draw.
    *([] if ON_JAX else ["RandAugment"]),
    {"MixUp": 0.4},
    {"CutMix": 1.0},
]
PENALTY = {"activity_regularizer": {"L1L2": {"l1": 0.01, "l2": 0.02}}}
CONVOLUTION = {"filters": 6, "kernel_size": 3, "strides": 4, **PENALTY}
SETTINGS = {
    "averaging": {"Lookahead": {"every_steps": 3}},
    "class_weights": {"red": 2.0, "green": 0.0, "blue": 0.7},
    "label_smoothing": 0.1,
    "learning_rate_schedule": "CosineDecay",
    "optimizer": {"SGD": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}},
}


def layers(dropout: float) -> list[Any]:
    return [
        {"Conv2D": CONVOLUTION},
        {"BatchNormalization": {"momentum": 0.6}},
        {"Activation": "gelu"},
        {"Concatenate": [[], [{"BatchNormalization": {"scale": False}}]]},
        "GlobalAveragePooling2D",
        {"BatchNormalization": {"epsilon": 1e-6}},
        {"Dropout": dropout},
        {"Dense": {"units": 3, "activation": "softmax", **PENALTY}},
    ]


@pytest.fixture
def make(make_config: Callable[..., Config]) -> Callable[..., Config]:
    def make(
        dropout: float = 0.2, augmentation: list[Any] = AUGMENTATION, **changes: Any
    ) -> Config:
        settings = {"jit_compile": True, **SETTINGS, **changes}
        config = make_config(layers=layers(dropout), **settings)
        data = {**config.model_dump()["data"], "augmentation": augmentation}
        return config.with_data(augmentation=type(config.data)(**data).augmentation)

    return make


class Built:
    """A training model, and its values before the first step."""

    def __init__(self, config: Config, data: Any, device: Any) -> None:
        precision = config.training.precision
        self.model, self.batches = build_training_model(
            config, data, device, precision, 2
        )
        self.validation = validation_batches(data, self.batches.augmentation)
        self.numbers = self.batches.block(1, 0).numbers
        self.start = self.model.state.read()
        self.traced = 0
        read = self.batches.read

        def count(*arguments: Any) -> Any:
            self.traced += 1
            return read(*arguments)

        self.batches.read = count  # type: ignore[method-assign]
        self.learn = self.model.make_steps(self.batches, training=True)
        self.judge = self.model.make_steps(self.validation, training=False)

    def reset(self) -> None:
        self.model.state.write(self.start)
        self.model.reset_metrics()

    def values(self) -> dict[str, np.ndarray]:
        metrics = self.model.state.read_metrics()
        return {**self.model.state.read(), "metrics": np.array(metrics)}

    def do_eagerly(self, batches: Any, numbers: Any, training: bool) -> None:
        """The steps of an epoch one after the other, the last on a smaller batch."""
        model = self.model
        step_of_keras = model.train_step if training else model.test_step
        groups = [model.trainable_variables, model.non_trainable_variables]
        groups += [model.optimizer.variables] if training else []
        groups.append(model.metrics_variables)
        for step in range(batches.steps_per_epoch):
            batch = batches.read(numbers, step)
            if os.environ.get("KERAS_BACKEND") != "jax":
                step_of_keras(batch)
                continue
            state = tuple([variable.value for variable in group] for group in groups)
            _, state = step_of_keras(state, batch)
            for group, values in zip(groups, state, strict=True):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)


@pytest.fixture
def build(make, make_dataset, device) -> Callable[..., Built]:
    def build(count: int = 70, **changes: Any) -> Built:
        config = make(**changes)
        return Built(config, load_training_data(config, make_dataset(count)), device)

    return build


def test_many_steps_in_one_program_are_single_steps_to_the_bit(build):
    built = build()
    assert built.batches.steps_per_epoch == 4
    # It compiles, and does nothing else.
    built.learn(built.numbers, 0, 0)
    traced = built.traced
    built.reset()
    untouched = built.values()
    assert all(
        np.array_equal(untouched[name], built.start[name]) for name in built.start
    )
    found = []
    for ends in ([1, 2, 3, 4], [4], [3, 4], [1, 4]):
        built.reset()
        logs = {}
        for first, end in zip([0, *ends], ends, strict=False):
            logs = built.learn(built.numbers, first, end)
        found.append({**built.values(), **{n: to_numpy(v) for n, v in logs.items()}})
    for other in found[1:]:
        assert set(other) == set(found[0])
        for name, expected in found[0].items():
            assert np.array_equal(other[name], expected), name
    assert any(
        not np.array_equal(found[0][name], built.start[name]) for name in found[0]
    )
    # One program for all of them, and for the smaller last batch.
    assert built.traced == traced


def test_a_last_batch_that_is_filled_up_comes_to_what_the_smaller_one_comes_to(build):
    # Dropout draws for all rows at once, so that its masks would not be the same.
    built = build(dropout=0.0)
    assert built.batches.smaller_last
    built.learn(built.numbers, 0, built.batches.steps_per_epoch)
    found = built.values()
    built.reset()
    built.do_eagerly(built.batches, built.numbers, training=True)
    expected = built.values()
    for name, value in expected.items():
        np.testing.assert_allclose(
            found[name], value, rtol=2e-4, atol=2e-5, err_msg=name
        )
    # Images are counted, not rows.
    assert found["metrics"][1] == len(built.batches.labels)


def test_validation_counts_every_image_once(make, make_dataset, device):
    config = make(batch_size=852)
    data = load_training_data(config, make_dataset(2130))
    # Of the 170 in the last batch, those that fill it up are of the first, brighter
    # half. The batches of training are all full.
    data.validation.images[256 + 85 :] //= 8
    built = Built(config, data, device)
    assert built.validation.steps_per_epoch == 2
    assert (built.validation.smaller_last, built.batches.smaller_last) == (True, False)
    built.judge(built.validation.block(0, 0).numbers, 0, 2)
    found = built.values()
    built.reset()
    built.do_eagerly(
        built.validation, built.validation.block(0, 0).numbers, training=False
    )
    expected = built.values()
    assert found["metrics"][1] == 426
    # XLA adds up the many numbers of a penalty one by one.
    assert found["metrics"][0] == pytest.approx(expected["metrics"][0], rel=5e-4)
    assert np.array_equal(found["metrics"][1:], expected["metrics"][1:])
    for name, value in built.start.items():
        assert np.array_equal(found[name], value), name


class Interrupter(Observer):
    """Sends SIGINT once a step is done."""

    def __init__(self, epoch: int, step: int) -> None:
        self.place = epoch, step
        self.compilations: list[str] = []

    def compilation_started(self):
        self.compilations.append("started")

    def compilation_ended(self, seconds):
        self.compilations.append("ended")

    def batch_ended(self, epoch, step, logs):
        if (epoch, step) >= self.place:
            os.kill(os.getpid(), signal.SIGINT)


def test_cut_by_a_signal_and_resumed_by_other_numbers_of_steps_it_comes_to_the_same(
    make, make_dataset, device, run, tmp_path
):
    whole = Run.create(tmp_path / "whole", "tiny")
    few = ["RandomFlip", {"MixUp": 0.4}]
    config = make(augmentation=few)
    data = load_training_data(config, make_dataset(70))
    train(config, data, whole, device)
    single = make(augmentation=few, steps_per_execution=1)
    with pytest.raises(Stopped) as caught:
        train(single, data, run, device, observer=Interrupter(1, 2))
    assert str(caught.value).startswith("Stopped in epoch 1 of 2, after step 3 of 4.")
    three = make(augmentation=few, steps_per_execution=3)
    plan = plan_resume(run, three)
    interrupter = Interrupter(2, 3)
    with pytest.raises(Stopped) as caught:
        train(three, data, run, device, resume=plan, observer=interrupter)
    assert str(caught.value).startswith("Stopped in epoch 2 of 2, after step 4 of 4.")
    # Once, although callbacks heard of the epoch that was cut as of one by itself.
    assert interrupter.compilations == ["started", "ended"]
    train(config, data, run, device, resume=plan_resume(run, config))
    assert result(run) == result(whole)


needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")


@needs_jax
@pytest.mark.skipif(ON_JAX, reason="the others run on jax already")
def test_all_of_this_holds_on_jax_too():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, __file__],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
