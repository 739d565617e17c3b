"""Whole trainings with averages, fewer bits, whitening and views."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.network.builder import build_model
from cifarcnn.network.weights import read_weights
from cifarcnn.runs import Run
from cifarcnn.runs.weights import describe_arrays, load_weights
from cifarcnn.training.observer import Observer
from cifarcnn.training.trainer import train
from cifarcnn.training.training_data import load_training_data

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

LAYERS = [
    {
        "Conv2D": {
            "filters": 24,
            "kernel_size": 2,
            "strides": 4,
            "activation": "gelu",
            "kernel_initializer": {"Whitening": {"trainable": False, "pictures": 50}},
        }
    },
    {"Conv2D": {"filters": 8, "kernel_size": 3, "kernel_initializer": "Identity"}},
    {"BatchNormalization": {"momentum": 0.6}},
    {"Activation": "gelu"},
    "GlobalAveragePooling2D",
    {"Dense": {"units": 3, "activation": "softmax"}},
]


class Steps(Observer):
    """Counts the steps of the first epoch."""

    def __init__(self) -> None:
        self.last = 0

    def batch_ended(self, epoch, step, logs):
        self.last = max(self.last, step)


@pytest.fixture
def train_it(keras, make_dataset, device, tmp_path: Path, make_config):
    count = iter(range(100))

    def start(images=70, observer=None, **settings):
        run = Run.create(tmp_path / f"runs{next(count)}", "tiny")
        config = make_config(layers=LAYERS, **settings)
        data = load_training_data(config, make_dataset(images))
        outcome = train(config, data, run, device, observer=observer)
        return run, outcome

    return start


def stored(run, make_config, choice="selected"):
    model = build_model(make_config(layers=LAYERS), 3)
    expected = describe_arrays(read_weights(model))
    return dict(load_weights(run.path, choice, expected).arrays)


@pytest.mark.parametrize(
    "settings",
    [
        {"precision": "mixed_bfloat16", "averaging": {"Lookahead": {"every_steps": 2}}},
        {"precision": "mixed_float16", "averaging": {"ExponentialMovingAverage": 0.5}},
        {"learning_rate_multipliers": {"beta": 16}, "optimizer": {"SGD": 0.1}},
    ],
)
def test_every_way_learns_and_leaves_a_plain_float32_model(
    keras, train_it, make_dataset, settings
):
    run, outcome = train_it(epochs=4, weights="last", **settings)
    assert outcome.last.loss < outcome.records[0].loss
    model = keras.models.load_model(run.path / "model.keras", safe_mode=True)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert {layer.compute_dtype for layer in model.layers[2:]} == {"float32"}
    # What is saved is what was validated.
    _, validation = make_dataset(70).training(0.2, 0)
    found = model.predict(validation.images, verbose=0)
    accuracy = (found.argmax(axis=1) == validation.labels).mean()
    assert outcome.last.val_accuracy == pytest.approx(accuracy, abs=1e-6)
    right = found[np.arange(len(found)), validation.labels]
    assert outcome.last.val_loss == pytest.approx(-np.log(right).mean(), abs=0.02)


def test_the_precision_is_written_down(train_it):
    run, _ = train_it(epochs=1, precision="mixed_bfloat16")
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["precision"] == "mixed_bfloat16"


def test_frozen_whitening_stays_and_its_bias_learns(train_it, make_config):
    run, _ = train_it(epochs=1)
    first = stored(run, make_config)
    run, _ = train_it(epochs=3, weights="last")
    later = stored(run, make_config)
    kernel = first["conv2d_1/kernel"]
    assert np.array_equal(later["conv2d_1/kernel"], kernel)
    assert np.array_equal(kernel[..., 12:], -kernel[..., :12])
    assert not np.array_equal(later["conv2d_1/bias"], first["conv2d_1/bias"])


def test_an_average_of_only_the_last_step_changes_nothing(train_it, make_config):
    plain, _ = train_it(epochs=2)
    averaged, _ = train_it(epochs=2, averaging={"ExponentialMovingAverage": 0.0})
    expected = stored(plain, make_config)
    for name, found in stored(averaged, make_config).items():
        np.testing.assert_allclose(found, expected[name], rtol=1e-4, atol=1e-6)


def test_the_average_is_kept_and_not_the_weights_themselves(train_it, make_config):
    plain, _ = train_it(epochs=2)
    averaged, _ = train_it(epochs=2, averaging={"ExponentialMovingAverage": 0.9})
    expected = stored(plain, make_config)
    found = stored(averaged, make_config)
    assert not np.allclose(found["dense_1/kernel"], expected["dense_1/kernel"])


@pytest.mark.parametrize(("drop", "steps"), [(False, 4), (True, 3)])
def test_a_partial_batch_may_be_dropped(train_it, drop, steps):
    observer = Steps()
    # 56 images in batches of 16.
    _, outcome = train_it(epochs=1, drop_remainder=drop, observer=observer)
    assert observer.last == steps


def test_a_batch_that_is_the_only_one_is_not_dropped(train_it):
    observer = Steps()
    train_it(epochs=1, batch_size=100, drop_remainder=True, observer=observer)
    assert observer.last == 1


def test_the_config_says_how_many_steps_run_in_one_go(train_it):
    class Ends(Observer):
        def __init__(self):
            self.steps = []

        def batch_ended(self, epoch, step, logs):
            self.steps.append(step)

    ends = Ends()
    train_it(epochs=1, steps_per_execution=3, observer=ends)
    assert ends.steps == [3, 4]


MAX_NORM = {"MaxNorm": {"max_value": 0.25, "axis": [0, 1, 2]}}
MIN_MAX_NORM = {"MinMaxNorm": {"min_value": 0.5}}


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_constraints_hold_after_the_last_step(
    keras, make_dataset, device, run, make_config, precision
):
    layers = [
        {
            "Conv2D": {
                "filters": 4,
                "kernel_size": 3,
                "strides": 4,
                "kernel_constraint": MAX_NORM,
                "bias_constraint": "NonNeg",
            }
        },
        {"BatchNormalization": {"gamma_constraint": "UnitNorm"}},
        {"SeparableConv2D": {"filters": 4, "kernel_size": 3, **{
            f"{part}_constraint": "NonNeg" for part in ("depthwise", "pointwise")}}},
        "GlobalAveragePooling2D",
        {"PReLU": {"alpha_constraint": "NonNeg"}},
        {"Dense": {"units": 3, "kernel_constraint": MIN_MAX_NORM}},
    ]  # fmt: skip
    config = make_config(
        layers=layers, weights="last", precision=precision,
        learning_rate_multipliers={"kernel": 3},
    )  # fmt: skip
    train(config, load_training_data(config, make_dataset(70)), run, device)
    model = keras.models.load_model(run.path / "model.keras", safe_mode=True)
    weights = read_weights(model)
    filters = np.sqrt((weights["conv2d_1/kernel"] ** 2).sum(axis=(0, 1, 2)))
    assert (filters < 0.2501).all()
    assert np.isclose(filters, 0.25, rtol=1e-3).any()
    assert np.linalg.norm(weights["batch_normalization_1/gamma"]) == pytest.approx(1)
    units = np.linalg.norm(weights["dense_1/kernel"], axis=0)
    assert (units > 0.499).all() and (units < 1.001).all()
    assert (weights["conv2d_1/bias"] >= 0).all()
    assert (weights["p_re_lu_1/alpha"] >= 0).all()
    for part in ("depthwise", "pointwise"):
        # Half of them begin below zero.
        kernel = weights[f"separable_conv2d_1/{part}_kernel"]
        assert (kernel >= 0).all() and (kernel == 0).any()
