from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.config.datasets import DATASETS, DatasetFacts
from cifarcnn.config.initializers import (
    L1L2,
    HeNormal,
    Identity,
    Orthogonal,
    Whitening,
)
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.base import Layer
from cifarcnn.config.layers.convolution import Conv2D
from cifarcnn.config.learning_rate_schedules import ReduceLROnPlateau
from cifarcnn.errors import UsageError
from cifarcnn.network.builder import (
    build_model,
    convert_choice,
    convert_layer,
    logits_model,
)
from cifarcnn.network.training_network import build_training_network

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)


def answers(model: Any, images: np.ndarray) -> np.ndarray:
    return np.array(model(images, training=False))


def test_the_article_has_122570_parameters(keras, make_config):
    assert build_model(make_config(), 10).count_params() == 122_570


def test_images_go_in_as_bytes_and_probabilities_come_out(keras, make_config):
    model = build_model(make_config(), 10)
    assert model.input_shape == (None, 32, 32, 3)
    assert model.input.dtype == "uint8"
    probabilities = answers(model, IMAGES)
    assert probabilities.shape == (4, 10)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-6)


def test_softmax_on_the_last_layer_becomes_the_one_softmax_of_the_model(
    keras, make_config
):
    model = build_model(make_config(), 10)
    assert [layer.name for layer in model.layers][-2:] == ["dense_2", "probabilities"]
    assert model.get_layer("dense_2").activation is keras.activations.linear


def test_a_last_activation_layer_loses_its_softmax_too(keras, make_config):
    layers = ["Flatten", {"Dense": 10}, {"Activation": "softmax"}]
    model = build_model(make_config(layers), 10)
    assert model.get_layer("activation_1").activation is keras.activations.linear


def test_logits_share_the_weights_and_end_before_the_softmax(keras, make_config):
    model = build_model(make_config(), 10)
    logits = answers(logits_model(model), IMAGES)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert answers(model, IMAGES) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        # One pixel of 0, 51 and 255 in red, green and blue.
        ("unit", [0.0, 0.2, 1.0]),
        ("none", [0.0, 51.0, 255.0]),
        (
            {"mean": [0.5, 0.2, 0.25], "deviation": [0.25, 0.1, 0.5]},
            [-2.0, 0.0, 1.5],
        ),
    ],
)
def test_normalization_gives_the_numbers_worked_out_by_hand(
    keras, make_config, normalization, expected
):
    model = build_model(make_config(normalization=normalization), 10)
    pixels = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    pixels[:] = [0, 51, 255]
    seen = np.array(model.get_layer("normalization")(pixels))
    assert seen[0, 0, 0] == pytest.approx(expected, abs=1e-5)
    assert seen[0, 31, 31] == pytest.approx(expected, abs=1e-5)


def test_standard_must_be_measured_before(keras, make_config):
    with pytest.raises(UsageError) as caught:
        build_model(make_config(normalization="standard"), 10)
    assert str(caught.value) == (
        "data.normalization is `standard`, which needs the mean and the deviation of "
        "the training pictures: pass the config through "
        "config.with_normalization(statistics) first, or load a trained run."
    )


def test_the_size_of_the_images_is_that_of_the_data_set(
    keras, make_config, monkeypatch
):
    monkeypatch.setitem(
        DATASETS, "cifar10", DatasetFacts(DATASETS["cifar10"].class_names, (24, 40, 3))
    )
    layers = [{"Conv2D": {"filters": 4, "kernel_size": 3}}, "Flatten", {"Dense": 10}]
    for build in (build_model, build_training_network):
        model = build(make_config(layers), 10)
        assert model.input_shape == (None, 24, 40, 3)
        assert model.get_layer("conv2d_1").output.shape == (None, 22, 38, 4)


def test_a_layer_that_keras_lacks_is_an_error(keras):
    class Conv5D(Layer):
        pass

    with pytest.raises(AttributeError, match="Conv5D"):
        convert_layer(Conv5D(name="one"))


def test_the_last_layer_must_fit_the_classes(keras, make_config):
    with pytest.raises(UsageError) as caught:
        build_model(make_config(), 100)
    assert str(caught.value) == (
        "The last layer gives the shape (10,), but the data has 100 classes: it must "
        "give (100,), as does Dense: {units: 100}."
    )


def test_a_convolution_of_nine_numbers_worked_out_by_hand(keras, make_config):
    layers = [
        {"Conv2D": {"filters": 1, "kernel_size": 3, "name": "filter"}},
        "Flatten",
        {"Dense": 10},
    ]
    model = build_model(make_config(layers, normalization="none"), 10)
    kernel = np.zeros((3, 3, 3, 1), dtype=np.float32)
    # Only red counts: an edge detector with a 5 in the middle.
    kernel[:, :, 0, 0] = [[1, 0, -1], [2, 5, -2], [1, 0, -1]]
    model.get_layer("filter").set_weights([kernel, np.array([0.5], np.float32)])
    image = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    image[0, :3, :3, 0] = [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    maps = keras.Model(model.input, model.get_layer("filter").output)
    # 10 - 30 + 2 * 40 + 5 * 50 - 2 * 60 + 70 - 90, and the bias of 0.5.
    assert answers(maps, image)[0, 0, 0, 0] == 170.5


def test_residual_adds_both_ways(keras, make_config):
    layers = [
        {
            "Residual": {
                "name": "block",
                "layers": [{"Rescaling": {"scale": 2.0}}],
                "shortcut": [{"Rescaling": {"scale": 10.0, "offset": 1.0}}],
            }
        },
        {"Residual": {"name": "identity", "layers": [{"Rescaling": 3.0}]}},
        "Flatten",
        {"Dense": 10},
    ]
    model = build_model(make_config(layers, normalization="none"), 10)
    assert type(model.get_layer("block")) is keras.layers.Add
    pixels = np.full((1, 32, 32, 3), 7, dtype=np.uint8)
    sums = keras.Model(model.input, model.get_layer("identity").output)
    # 2 * 7 + (10 * 7 + 1) = 85, then 85 + 3 * 85.
    assert answers(sums, pixels)[0, 0, 0, 0] == 340.0


def test_concatenation_and_product_join_all_branches(keras, make_config):
    layers = [
        {
            "Concatenate": {
                "name": "side_by_side",
                "branches": [[], [{"Rescaling": 10.0}], [{"Rescaling": 0.5}]],
            }
        },
        {
            "Multiply": {
                "name": "gated",
                "branches": [
                    [{"Rescaling": {"scale": 1.0, "offset": 1.0}}],
                    ["GlobalMaxPooling2D"],
                    [{"GlobalAveragePooling2D": {"keepdims": True}}],
                ],
            }
        },
        "Flatten",
        {"Dense": 10},
    ]
    model = build_model(make_config(layers, normalization="none"), 10)
    pixels = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    pixels[0, 0, 0] = [1, 2, 4]
    pixels[0, 5, 5] = [3, 0, 4]
    maps = keras.Model(
        model.input,
        [model.get_layer(name).output for name in ("side_by_side", "gated")],
    )
    beside, gated = maps.predict(pixels, verbose=0)
    first = np.array([1, 2, 4, 10, 20, 40, 0.5, 1, 2])
    assert np.array_equal(beside[0, 0, 0], first)
    # Plus one, times the largest and the mean of each channel.
    largest = np.array([3, 2, 4, 30, 20, 40, 1.5, 1, 2])
    mean = (first + beside[0, 5, 5]) / 1024
    assert np.allclose(gated[0, 0, 0], (first + 1) * largest * mean)


def maps_of(keras, make_config, layers, pixels):
    """What the last of some layers makes of the first channel of an image."""
    config = make_config([*layers, "Flatten", {"Dense": 10}], normalization="none")
    model = build_model(config, 10)
    image = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    image[0, : len(pixels), : len(pixels[0]), 0] = pixels
    return answers(keras.Model(model.input, model.layers[-4].output), image)[0, ..., 0]


def test_up_sampling_repeats_or_interpolates(keras, make_config):
    pixels = [[8, 0], [16, 0]]
    found = maps_of(keras, make_config, [{"UpSampling2D": [2, 1]}], pixels)
    assert found[:5, 0].tolist() == [8, 8, 16, 16, 0]
    layer = {"UpSampling2D": {"size": [2, 1], "interpolation": "bilinear"}}
    found = maps_of(keras, make_config, [layer], pixels)
    # Results lie a quarter of a cell before and behind the middles of the cells.
    assert found[:6, 0].tolist() == [8, 10, 14, 12, 4, 0]


def test_resizing_interpolates_or_repeats_the_nearest(keras, make_config):
    # Each result lies in the middle of two cells, or the whole is made 96 cells high.
    layer = {"Resizing": {"height": 16, "width": 32}}
    found = maps_of(keras, make_config, [layer], [[8, 0], [16, 0], [4, 0], [2, 0]])
    assert found.shape == (16, 32)
    assert found[:3, 0].tolist() == [12, 3, 0]
    layer = {"Resizing": {"height": 96, "width": 64, "interpolation": "nearest"}}
    found = maps_of(keras, make_config, [layer], [[8, 4], [16, 0]])
    assert found[:7, 0].tolist() == [8, 8, 8, 16, 16, 16, 0]
    assert found[0, :5].tolist() == [8, 8, 4, 4, 0]


def test_prelu_multiplies_negative_values(keras, make_config):
    layers = [
        {"Rescaling": {"scale": 1.0, "offset": -4.0}},
        {"PReLU": {"shared_axes": [1, 2], "alpha_initializer": {"Constant": 0.25}}},
    ]
    found = maps_of(keras, make_config, layers, [[0, 8]])
    assert found[0, :3].tolist() == [-1, 4, -1]


def test_initializers_and_regularizers_reach_the_layers(keras, make_config):
    layers = [
        "Flatten",
        {
            "Dense": {
                "units": 10,
                "kernel_initializer": {"Constant": 0.5},
                "kernel_regularizer": {"L2": 0.25},
            }
        },
    ]
    model = build_model(make_config(layers), 10)
    kernel = model.get_layer("dense_1").kernel
    assert np.unique(np.array(kernel.value.numpy())).tolist() == [0.5]
    # 0.25 times the squares of 3072 * 10 weights of 0.5.
    assert float(model.losses[0]) == pytest.approx(0.25 * 30_720 * 0.25)


def test_the_same_seed_gives_the_same_start(keras, make_config):
    starts = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        starts.append(answers(build_model(make_config(), 10), IMAGES))
    assert np.array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])


def test_the_saved_model_opens_in_plain_keras_with_the_same_probabilities(
    keras, make_config, tmp_path: Path
):
    statistics = {"mean": [0.49, 0.48, 0.45], "deviation": [0.25, 0.24, 0.26]}
    model = build_model(make_config(normalization=statistics), 10)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "pictures.npy", IMAGES)
    np.save(tmp_path / "expected.npy", answers(model, IMAGES))
    # -I: no checkout on the path, no PYTHONPATH.
    code = (
        "import sys, numpy as np, keras\n"
        "model = keras.models.load_model('model.keras')\n"
        "found = np.array(model(np.load('pictures.npy'), training=False))\n"
        "print(abs(found - np.load('expected.npy')).max() <= 1e-6)\n"
        "print(any(name.split('.')[0] == 'cifarcnn' for name in sys.modules))\n"
        "print({type(layer).__module__.split('.')[0] for layer in model.layers})\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["True", "False", "{'keras'}"]


def test_a_choice_becomes_the_keras_object_of_its_name(keras):
    made = convert_choice(keras.callbacks, ReduceLROnPlateau(factor=0.25, cooldown=3))
    assert type(made) is keras.callbacks.ReduceLROnPlateau
    assert (made.factor, made.cooldown) == (0.25, 3)


def test_an_override_takes_the_place_of_a_field(keras):
    made = convert_choice(keras.callbacks, ReduceLROnPlateau(factor=0.25), factor=0.5)
    assert (made.factor, made.cooldown) == (0.5, 0)


@pytest.mark.parametrize("start", [Identity(), Whitening()])
def test_a_start_that_keras_lacks_is_that_of_pytorch(keras, start):
    layer = Conv2D(filters=4, kernel_size=3, kernel_initializer=start, name="one")
    made = convert_choice(keras.layers, layer).kernel_initializer
    assert type(made) is keras.initializers.VarianceScaling
    values = keras.ops.convert_to_numpy(made((3, 3, 8, 500)))
    # One over the root of the 72 numbers that a filter looks at.
    assert abs(values).max() == pytest.approx(72**-0.5, rel=1e-3)
    assert values.std() == pytest.approx((72 * 3) ** -0.5, rel=0.02)


@pytest.mark.parametrize("choice", [HeNormal(), Orthogonal(gain=2.0)])
def test_initializers_are_keras_ones(keras, choice):
    made = convert_choice(keras.initializers, choice)
    assert type(made) is getattr(keras.initializers, choice.type)


def test_regularizers_keep_their_factors(keras):
    made = convert_choice(keras.regularizers, L1L2(l1=0.125, l2=0.25))
    assert (float(made.l1), float(made.l2)) == (0.125, 0.25)


def test_every_layer_of_the_config_is_a_keras_layer_except_two(keras):
    missing = {
        layer.__name__ for layer in LAYERS if not hasattr(keras.layers, layer.__name__)
    }
    assert missing == {"Residual", "Pretrained"}
