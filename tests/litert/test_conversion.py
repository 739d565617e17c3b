"""The LiteRT file gives what Keras gives, or is not made."""

from __future__ import annotations

import io
import os
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.config.layers.base import Activation
from cifarcnn.errors import RunError
from cifarcnn.litert.conversion import convert_model
from cifarcnn.litert.runtime import LiteRTModel
from cifarcnn.network.predict import predict_probabilities

pytestmark = pytest.mark.slow

NAMES = [f"class {number}" for number in range(10)]
CONV = {"filters": 16, "kernel_size": 3}
FIRST = {"Conv2D": {**CONV, "strides": 2, "activation": "relu"}}
GLOBAL = "GlobalAveragePooling2D"
NETWORKS = {
    "article": [
        {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
        {"MaxPooling2D": {"pool_size": 2}},
        {"Conv2D": {"filters": 64, "kernel_size": 3, "activation": "relu"}},
        "Flatten",
        {"Dense": {"units": 64, "activation": "relu"}},
    ],
    "residual": [
        FIRST,
        {
            "Residual": {
                "layers": [
                    {"Conv2D": {**CONV, "padding": "same", "use_bias": False}},
                    "BatchNormalization",
                    {"Activation": "relu"},
                    {"Conv2D": {**CONV, "padding": "same"}},
                ]
            }
        },
        {
            "Residual": {
                "layers": [{"Conv2D": {**CONV, "strides": 2, "padding": "same"}}],
                "shortcut": [
                    {"Conv2D": {"filters": 16, "kernel_size": 1, "strides": 2}}
                ],
            }
        },
        GLOBAL,
    ],
    # Dense on maps, as in ConvNeXt.
    "dense on maps": [FIRST, "LayerNormalization", {"Dense": 8}, GLOBAL],
    "branches": [
        FIRST,
        {"Concatenate": [[], [{"Conv2D": {**CONV, "padding": "same"}}]]},
        {
            "Multiply": [
                [],
                [GLOBAL, {"Dense": {"units": 32, "activation": "sigmoid"}}],
                [{"Conv2D": {"filters": 1, "kernel_size": 1}}],
            ]
        },
        {"Concatenate": [[GLOBAL], ["GlobalMaxPooling2D"]]},
    ],
    "separable": [
        {"SeparableConv2D": {**CONV, "activation": "silu"}},
        {"DepthwiseConv2D": {"kernel_size": 3, "depth_multiplier": 2, "strides": 2}},
        GLOBAL,
    ],
    "batch normalization": [FIRST, "BatchNormalization", {"Conv2D": CONV}, GLOBAL],
    "group normalization": [FIRST, {"GroupNormalization": {"groups": 4}}, GLOBAL],
    "layer normalization": [
        FIRST,
        "LayerNormalization",
        "Flatten",
        {"Dense": 16},
        "LayerNormalization",
        "BatchNormalization",
    ],
    "dilation": [
        {"Conv2D": {**CONV, "dilation_rate": 2, "padding": "same"}},
        {"Conv2D": {**CONV, "dilation_rate": 3}},
        GLOBAL,
    ],
    "groups": [FIRST, {"Conv2D": {**CONV, "groups": 4}}, GLOBAL],
    "pooling": [
        {"ZeroPadding2D": 1},
        {"AveragePooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}},
        {"MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}},
        {"Rescaling": {"scale": 2.0, "offset": -1.0}},
        "GlobalMaxPooling2D",
    ],
    "larger maps and learned slopes": [
        FIRST,
        {"PReLU": {"shared_axes": [1, 2], "alpha_initializer": "RandomUniform"}},
        {"UpSampling2D": [1, 2]},
        {"Conv2D": CONV},
        {"PReLU": {"alpha_initializer": {"Constant": 0.3}}},
        {"UpSampling2D": {"size": [3, 2], "interpolation": "bilinear"}},
        GLOBAL,
        {"Dense": {"units": 16, "activation": "selu", "kernel_constraint": "MaxNorm"}},
        {"AlphaDropout": 0.1},
        {"PReLU": {"alpha_initializer": {"Constant": -0.5}}},
    ],
    "resizing": [
        {"Resizing": {"height": 96, "width": 40}},
        FIRST,
        {"Resizing": {"height": 20, "width": 33, "interpolation": "nearest"}},
        {"Conv2D": CONV},
        {"Resizing": {"height": 7, "width": 5}},
        GLOBAL,
    ],
    "dropout": [
        FIRST,
        {"GaussianNoise": 0.1},
        {"SpatialDropout2D": 0.2},
        {"Dropout": 0.5},
        GLOBAL,
    ],
}


def differences(
    model: Any, images: np.ndarray[Any, Any]
) -> tuple[float, np.ndarray[Any, Any]]:
    """The largest difference, and by how little the labels that differ were ahead."""
    fast = LiteRTModel("it", convert_model(model, NAMES), 10)
    found = fast.predict(images)
    expected = predict_probabilities(model, images)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    ranked = np.sort(expected, axis=1)
    lead = ranked[:, -1] - ranked[:, -2]
    other = found.argmax(axis=1) != expected.argmax(axis=1)
    return float(np.abs(found - expected).max()), lead[other]


@pytest.mark.parametrize("name", NETWORKS)
def test_probabilities_and_labels_are_those_of_keras(
    name: str, build_network: Any, images: np.ndarray[Any, Any]
) -> None:
    difference, leads = differences(build_network(*NETWORKS[name]), images)
    assert difference < 1e-4
    assert leads.size == 0


def test_every_activation_agrees(
    build_network: Any, images: np.ndarray[Any, Any]
) -> None:
    # One network for all: each conversion takes half a second.
    names = [name for name in Activation.__args__ if name != "exponential"]  # type: ignore[attr-defined]
    assert len(names) > 10
    layers: list[Any] = [{"Conv2D": {**CONV, "strides": 3}}]
    for name in names:
        layers += [{"Activation": name}, "BatchNormalization"]
    difference, leads = differences(build_network(*layers, GLOBAL), images)
    assert difference < 1e-4
    assert (leads < 1e-6).all()


def test_the_exponential_agrees(
    build_network: Any, images: np.ndarray[Any, Any]
) -> None:
    layers = [{"Conv2D": CONV}, GLOBAL, {"Activation": "exponential"}]
    assert differences(build_network(*layers), images)[0] < 1e-4


def test_the_class_names_are_in_the_file_and_the_same_network_gives_the_same_bytes(
    build_network: Any,
) -> None:
    model = build_network("Flatten")
    names = ["wolf", "snow fox", "día", "one\nname", *NAMES[4:]]
    content = convert_model(model, names)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        lines = archive.read("labels.txt").decode().splitlines()
    assert lines == ["wolf", "snow fox", "día", "one name", *NAMES[4:]]
    assert convert_model(model, names) == content


def refusal(model: Any) -> str:
    with pytest.raises(RunError) as caught:
        convert_model(model, NAMES)
    return str(caught.value)


def test_what_the_converter_says_is_passed_on(keras: Any) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("no such kernel\nand a hundred lines more")

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.export = fail
    assert refusal(model) == "TensorFlow's converter failed: no such kernel"


def test_a_file_that_answers_otherwise_is_not_made(
    build_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = LiteRTModel.predict
    monkeypatch.setattr(
        LiteRTModel, "predict", lambda self, images: right(self, images) + 0.25
    )
    assert refusal(build_network("Flatten")) == (
        "its probabilities differ from Keras's by up to 0.25, where 1e-04 would be all "
        "right."
    )


def test_without_the_runtime_it_is_made_without_the_comparison(
    build_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_network("Flatten")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    content = convert_model(model, NAMES)
    monkeypatch.undo()
    assert LiteRTModel("it", content, 10).predict(
        np.zeros((1, 32, 32, 3), np.uint8)
    ).shape == (1, 10)


TRY_ALL = """
import sys
from pathlib import Path
from cifarcnn.errors import RunError
from cifarcnn.litert.runtime import LiteRTModel
refused = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        LiteRTModel("it", path.read_bytes(), 10)
    except RunError:
        refused += 1
print(refused)
"""


def test_damaged_files_are_refused_and_never_bring_the_process_down(
    build_network: Any, tmp_path: Path
) -> None:
    content = convert_model(build_network(FIRST, "BatchNormalization", GLOBAL), NAMES)
    chance = random.Random(0)
    for number in range(300):
        damaged = bytearray(content[: chance.choice([len(content), 500, 3000])])
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.choice([0, 127, 128, 255])
        (tmp_path / f"{number}").write_bytes(damaged)
    ended = subprocess.run(
        [sys.executable, "-c", TRY_ALL, str(tmp_path)], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr[-500:]
    assert 100 < int(ended.stdout) < 300


# Stands for a GPU: another device than the first CPU, on which all is computed.
ELSEWHERE = """
import sys
import tensorflow as tf
tf.debugging.set_log_device_placement(True)
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
import keras
from cifarcnn.litert import conversion
with tf.device("/CPU:1"):
    images = keras.Input((8, 8, 3), dtype="uint8")
    maps = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(images))
    maps = keras.layers.BatchNormalization()(maps)
    end = keras.layers.Flatten()(maps)
    model = keras.Model(images, keras.layers.Dense(3, activation="softmax")(end))
    assert all(weight.value.device.endswith("CPU:1") for weight in model.weights)
    content = conversion.convert_model(model, ["a", "b", "c"])
    print("the comparison:", file=sys.stderr, flush=True)
    conversion._require_agreement(model, content)
"""


def test_the_comparison_is_on_the_cpu_whatever_computes_otherwise() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        env={
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            "TF_CPP_MIN_LOG_LEVEL": "0",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    _, _, lines = done.stderr.partition("the comparison:")
    placed = re.findall(r"op \w*(Conv2D|MatMul) in device .*/(.*)", lines)
    assert {name for name, _ in placed} >= {"Conv2D", "MatMul"}
    assert {device for _, device in placed} == {"device:CPU:0"}
