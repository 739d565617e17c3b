"""Networks of ``keras.applications`` as one layer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.config.layers import name_layers
from cifarcnn.config.layers.applications import application_names, find_application
from cifarcnn.config.layers.pretrained import Pretrained

PHOTOS = Path(__file__).parents[2] / "docs"


def layer_of(application: str, **arguments: Any) -> Pretrained:
    given = {"application": application, "weights": "none", **arguments}
    (layer,) = name_layers([Pretrained.model_validate(given)])
    assert isinstance(layer, Pretrained)
    return layer


@pytest.fixture(scope="module")
def photos() -> Any:
    """uint8 ``(2, 75, 80, 3)``: a real picture, and its middle."""
    from PIL import Image

    image = Image.open(PHOTOS / "explain.png").convert("RGB")
    whole, middle = image, image.crop((200, 200, 600, 600))
    return np.stack([np.asarray(part.resize((80, 75))) for part in (whole, middle)])


# One for each of Keras's ways to prepare pictures; the last two begin with it.
@pytest.mark.parametrize(
    ("application", "way"),
    [
        ("VGG16", "caffe"),
        ("MobileNetV2", "tf"),
        ("DenseNet121", "torch"),
        ("MobileNetV3Small", "none"),
        ("ConvNeXtTiny", "none"),
    ],
)
def test_pictures_are_prepared_as_by_keras_itself(
    application: str, way: str, photos: Any, keras: Any, draw_weights: Any
) -> None:
    from cifarcnn.network.pretrained import build_application, build_pretrained
    from cifarcnn.network.pretrained_weights import _copy

    assert find_application(application).preprocessing == way
    layer = layer_of(application, pooling="avg")
    ours = build_pretrained(layer, (75, 80, 3))
    build = getattr(keras.applications, application)
    theirs = build(
        weights=None, include_top=False, input_shape=(75, 80, 3), pooling="avg"
    )
    draw_weights(theirs)
    with_input = build_application(layer, (75, 80, 3))
    with_input.set_weights(theirs.get_weights())
    _copy(with_input, ours)
    module = sys.modules[build.__module__]
    prepared = module.preprocess_input(photos.astype("float32"))
    expected = np.asarray(theirs(prepared))
    found = np.asarray(ours(photos.astype("float32")))
    assert expected.std() > 1e-3
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max() + 1e-5
    # A picture that was prepared twice gives something else.
    twice = np.asarray(ours(prepared if way != "none" else photos / 255))
    assert np.abs(twice - expected).max() > 1e-2 * np.abs(expected).max()


SCRIPT = """
import json, sys
from cifarcnn import engine
engine.start("cpu")
import keras
for _ in range(int(sys.argv[1])):
    keras.layers.Conv2D(2, 1)(keras.Input((4, 4, 3)))
    keras.layers.Normalization()
    keras.ops.add(keras.Input((2,)), 1)
from cifarcnn.config import load_config
from cifarcnn.network.builder import build_model
from cifarcnn.network.weights import read_weights
for name in ("EfficientNetB0", "MobileNetV3Small"):
    keras.utils.set_random_seed(7)
    config = load_config(sys.argv[2], {"model.layers[0].Pretrained.application": name})
    weights = read_weights(build_model(config, 10))
    print(json.dumps({name: float(abs(a).sum()) for name, a in weights.items()}))
"""
CONFIG = """
data: {dataset: synthetic}
model:
  layers:
    - Pretrained: {application: VGG16, weights: none, trainable: true}
    - Conv2D: {filters: 2, kernel_size: 1}
    - Flatten
    - Dense: {units: 10}
"""


def test_names_and_random_weights_are_the_same_in_every_process(
    tmp_path: Path,
) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(CONFIG)
    texts = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, count, file],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for count in ("0", "3")
    ]
    assert texts[0] == texts[1]
    for line in texts[0].splitlines():
        weights = json.loads(line)
        # The config's own layer of the same kind is another.
        assert "conv2d_1/kernel" in weights
        inside = [name for name in weights if name.startswith("pretrained_1/")]
        assert len(inside) == len(weights) - 4 > 100


def test_what_only_its_arguments_matter_of_never_gets_values(keras: Any) -> None:
    from cifarcnn.network.pretrained import build_pretrained, without_values

    with without_values():
        hidden = keras.layers.Dense(2)
        hidden.build((None, 3))
    build_pretrained(layer_of("MobileNetV2"), (32, 32, 3))
    # The end of another such scope is when Keras would make up for it.
    with keras.StatelessScope():
        pass
    assert hidden.kernel._value is None


@pytest.mark.parametrize(
    "application",
    [
        pytest.param(name, marks=[] if name == "VGG16" else pytest.mark.slow)
        for name in application_names()
    ],
)
def test_every_application_is_built_as_the_table_says(
    application: str, keras: Any
) -> None:
    from cifarcnn.network.pretrained import build_pretrained, without_values

    # Something of every kind that Keras numbers, so that it counts from two.
    keras.layers.Activation("relu")(keras.Input((3,)))
    known = find_application(application)
    layer = layer_of(application, trainable=True)
    side = known.smallest_side
    with without_values():
        network = build_pretrained(layer, (side, side + 9, 3))
    assert network.name == "pretrained_1"
    assert network.count_params() == known.parameters
    assert network.output_shape[1:] == layer.output_shape((side, side + 9, 3))
    paths = [weight.path for weight in network.weights]
    assert len(set(paths)) == len(paths)
    assert all(path.startswith("pretrained_1/") for path in paths)
    names = {weight.path.rpartition("/")[2] for weight in network.trainable_weights}
    assert names == set(layer.weight_names())
    kinds = {
        type(inner).__module__.split(".")[1] for inner in network._flatten_layers()
    }
    assert kinds <= {"src"}
    assert all(
        getattr(keras.layers, type(inner).__name__, None) is type(inner)
        or isinstance(inner, keras.Model)
        for inner in network._flatten_layers()
    )


@pytest.fixture
def folder_config(tmp_path: Path) -> Any:
    from cifarcnn.config import load_config

    file = tmp_path / "network.yaml"
    file.write_text(CONFIG)
    return lambda **given: load_config(
        file,
        {
            f"model.layers[0].Pretrained.{key}": value
            for key, value in {"application": "EfficientNetB0", **given}.items()
        },
    )


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_frozen_means_that_nothing_within_moves(
    precision: Any, folder_config: Any, keras: Any, draw_weights: Any
) -> None:
    from cifarcnn.network.builder import build_model
    from cifarcnn.network.training_network import build_training_network
    from cifarcnn.network.weights import read_weights, write_weights

    config = folder_config(trainable=False)
    network = build_model(config, 10)
    draw_weights(network.get_layer("pretrained_1"))
    trained = build_training_network(config, 10, precision)
    before = read_weights(network)
    write_weights(trained, before)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype="uint8")
    # Dropout within rests too: a step that trains sees what prediction sees.
    allowed = 1e-5 if precision == "float32" else 0.03
    found = np.asarray(trained(pixels, training=True))
    assert np.abs(found - np.asarray(network(pixels))).max() < allowed
    # It is one step, and a graph of so large a network takes long to make.
    trained.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    trained.fit(pixels, np.arange(8), verbose=0)
    after = read_weights(trained)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved == {
        "conv2d_1/kernel", "conv2d_1/bias", "dense_1/kernel", "dense_1/bias",
    }  # fmt: skip


def test_trainable_means_all_but_the_pictures_own_scale(
    folder_config: Any, keras: Any, draw_weights: Any
) -> None:
    from cifarcnn.network.training_network import build_training_network
    from cifarcnn.network.weights import read_weights

    trained = build_training_network(folder_config(trainable=True), 10)
    draw_weights(trained.get_layer("pretrained_1"))
    before = read_weights(trained)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype="uint8")
    # It is one step, and a graph of so large a network takes long to make.
    trained.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    trained.fit(pixels, np.arange(8), verbose=0)
    after = read_weights(trained)
    still = {name for name in before if np.array_equal(before[name], after[name])}
    assert still == {
        "pretrained_1/normalization_1/moving_mean",
        "pretrained_1/normalization_1/moving_variance",
    }


def test_the_saved_network_opens_in_keras_alone_and_answers_equally(
    folder_config: Any, keras: Any, tmp_path: Path, draw_weights: Any
) -> None:
    from cifarcnn.network.builder import build_model

    network = build_model(folder_config(application="ConvNeXtTiny"), 10)
    draw_weights(network.get_layer("pretrained_1"))
    network.save(tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype="uint8")
    np.save(tmp_path / "pixels.npy", pixels)
    script = (
        "import sys; sys.modules['cifarcnn'] = None\n"
        "import keras, numpy\n"
        "model = keras.models.load_model('model.keras')\n"
        "numpy.save('found.npy', model.predict(numpy.load('pixels.npy'), verbose=0))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    found = np.load(tmp_path / "found.npy")
    assert np.abs(found - np.asarray(network(pixels))).max() < 1e-6
