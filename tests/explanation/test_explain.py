"""Whole explanations: what agrees with ``predict``, and networks of every kind."""

from __future__ import annotations

import importlib.util
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarcnn.config import ChannelStatistics, Config, check_config, summarize
from cifarcnn.config.shipped import find_shipped, shipped_names
from cifarcnn.errors import UsageError
from cifarcnn.explanation.explain import (
    Missing,
    TrainedNetwork,
    explain_image,
    explain_model,
)
from cifarcnn.network.predict import predict_probabilities

pytestmark = pytest.mark.slow

RANDOM_NETWORKS = int(os.environ.get("CIFARCNN_RANDOM_EXPLANATIONS", "12"))


def test_the_prediction_is_what_predict_says(case: Any) -> None:
    expected = predict_probabilities(case.network.model, case.image[None])[0]
    prediction = case.explanation.prediction
    assert np.array_equal(prediction.probabilities, expected)
    order = np.argsort(-expected)
    assert (prediction.winner, prediction.runner_up) == (order[0], order[1])
    assert (prediction.wanted, prediction.views, prediction.note) == (3, "none", None)


def test_logits_and_probabilities_are_those_of_plain_numpy(case: Any) -> None:
    softmax = case.explanation.softmax
    assert softmax.logits == pytest.approx(case.logits, abs=1e-4)
    powers = np.exp(case.logits - case.logits.max())
    assert softmax.probabilities == pytest.approx(powers / powers.sum(), abs=1e-5)
    prediction = case.explanation.prediction.probabilities
    assert softmax.probabilities == pytest.approx(prediction, abs=1e-6)


def test_the_table_is_that_of_check(case: Any) -> None:
    table, summary = case.explanation.network, summarize(case.config)
    assert table.rows == summary.rows
    assert (table.parameters, table.macs) == (summary.parameters, summary.macs)
    assert table.parameters == case.network.model.count_params()
    assert table.input_shape == (32, 32, 3)


def test_explaining_again_tells_the_same_and_changes_no_weight(case: Any) -> None:
    from cifarcnn.network.weights import read_weights

    again = explain_image(case.network, case.image)
    assert np.array_equal(again.softmax.logits, case.explanation.softmax.logits)
    correlations = case.explanation.grad_cam.sanity.correlations
    assert again.grad_cam.sanity.correlations == correlations
    for name, array in read_weights(case.network.model).items():
        assert np.array_equal(array, case.weights[name])


def test_several_views_are_averaged_in_the_prediction_alone(
    make_network: Any, image: Any
) -> None:
    network = make_network(
        {
            "model": {"layers": ["Flatten", {"Dense": 10}]},
            "evaluation": {"test_time_augmentation": "mirror_and_shift"},
        }
    )
    explanation = explain_image(network, image)
    prediction = explanation.prediction
    expected = predict_probabilities(
        network.model, image[None], views="mirror_and_shift"
    )[0]
    assert np.array_equal(prediction.probabilities, expected)
    alone = predict_probabilities(network.model, image[None])[0]
    assert explanation.softmax.probabilities == pytest.approx(alone, abs=1e-6)
    assert np.abs(alone - expected).max() > 1e-3
    assert prediction.views == "mirror_and_shift"
    assert prediction.note == (
        "This answer is the mean over several views of the picture (mirrored, or "
        "shifted by a pixel), as evaluation.test_time_augmentation says. Everything "
        "else here is about the picture as it is, by itself."
    )


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("clas_3", "There is no class 'clas_3': did you mean class_3?"),
        (
            "rhubarb",
            "There is no class 'rhubarb': known: class_0, class_1, class_2, class_3, "
            "class_4, class_5, class_6, class_7, class_8, class_9.",
        ),
    ],
)
def test_a_class_that_does_not_exist(
    wanted: str, sentence: str, case: Any, image: Any
) -> None:
    with pytest.raises(UsageError) as raised:
        explain_image(case.network, image, wanted_class=wanted)
    assert str(raised.value) == sentence


def test_the_model_alone_tells_the_same_of_filters_and_layers(case: Any) -> None:
    alone, with_image = explain_model(case.network), case.explanation
    assert alone.class_names == with_image.class_names
    assert alone.name == with_image.name == "run"
    assert alone.network == with_image.network
    filters = with_image.convolution.filters
    assert np.array_equal(alone.filters.kernel, filters.kernel)
    assert np.array_equal(alone.filters.bias, filters.bias)
    assert alone.filters.window == filters.window
    assert [unit.layer for unit in alone.exciting_patches.units] == [
        unit.layer for unit in with_image.exciting_patches.units
    ]


def test_a_network_without_convolutions_leaves_out_what_needs_one(
    make_network: Any, image: Any
) -> None:
    network = make_network({"model": {"layers": ["Flatten", {"Dense": 10}]}})
    found = explain_image(network, image)
    alone = explain_model(network)
    for part in (found.convolution, found.activation, found.feature_maps,
                 found.exciting_patches, alone.filters,
                 alone.exciting_patches):  # fmt: skip
        assert part == Missing("The network has no convolution.")
    assert isinstance(found.grad_cam, Missing)
    assert not isinstance(found.dense, Missing)


def test_images_of_another_shape_are_explained(
    make_network: Any, wide_dataset: Any
) -> None:
    """Higher or wider images need no other code."""
    layers = [
        {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "relu"}},
        {"MaxPooling2D": [2, 3]},
        {"Conv2D": {"filters": 5, "kernel_size": 3, "padding": "same"}},
        "Flatten",
        {"Dense": 10},
    ]
    network = make_network({"model": {"layers": layers}})
    network = replace(network, open_data=lambda: wide_dataset)
    image = wide_dataset.training(0, 0)[0].images[0]
    found = explain_image(network, image, name="wide")
    box = found.network_input.crop
    assert (box.top, box.left, box.bottom, box.right) == (0, 0, 24, 40)
    assert found.network_input.normalized.shape == found.network.input_shape
    assert found.convolution.before.shape == (22, 38, 4)
    assert found.pooling.after.shape == (11, 12, 4)
    assert found.feature_maps[1].receptive_field.columns[-1].tolist() == [30, 38]
    assert found.grad_cam.on_input(found.grad_cam.difference).shape == (24, 40)
    assert all(
        patch.box.bottom <= 24 and patch.box.right <= 40
        for unit in found.exciting_patches.units
        for patch in unit.patches
    )
    with pytest.raises(UsageError) as raised:
        explain_image(network, image.transpose(1, 0, 2))
    assert str(raised.value) == (
        "The picture is uint8 (40, 24, 3), but the network takes uint8 (24, 40, 3): "
        "red, green and blue from 0 to 255."
    )


# --- networks of every kind ----------------------------------------------------------


def look(window: Any, maps: np.ndarray, row: int, column: int) -> np.ndarray:
    """The values within a window, NaN within the padding."""
    wide = np.pad(maps, (*window.padding, (0, 0)), constant_values=np.nan)
    down, across = row * window.strides[0], column * window.strides[1]
    return wide[
        down : down + window.spans[0] : window.dilation[0],
        across : across + window.spans[1] : window.dilation[1],
    ]


def add_tile(convolution: Any, row: int, column: int, filter: int) -> float:
    """The sum of values times weights of a tile, plus the bias."""
    bank = convolution.filters
    first = bank.first_channel(filter)
    channels = slice(first, first + bank.kernel.shape[2])
    values = look(bank.window, convolution.input[:, :, channels], row, column)
    products = np.nan_to_num(values) * bank.kernel[:, :, :, filter]
    return float(products.sum(dtype=np.float64) + bank.bias[filter])


def check(network: TrainedNetwork, image: Any) -> None:
    """Whatever the network is: it is explained, and the numbers fit each other."""
    found = explain_image(network, image, wanted_class="class_3")
    expected = predict_probabilities(
        network.model,
        image[None],
        views=network.config.evaluation.test_time_augmentation,
    )[0]
    assert np.array_equal(found.prediction.probabilities, expected)
    convolution = found.convolution
    if not isinstance(convolution, Missing):
        height, width, filters = convolution.before.shape
        size = 1 + float(np.abs(convolution.before).max())
        for place in ((0, 0, 0), (height - 1, width - 1, filters - 1)):
            total = add_tile(convolution, *place)
            assert total == pytest.approx(convolution.before[place], abs=1e-4 * size)
    pooling = found.pooling
    if not isinstance(pooling, Missing):
        height, width, channels = pooling.after.shape
        values = look(pooling.window, pooling.before, height - 1, width - 1)[..., -1]
        value = pooling.after[-1, -1, channels - 1]
        if pooling.type == "AveragePooling2D":
            assert np.nanmean(values) == pytest.approx(value, rel=1e-4, abs=1e-5)
        else:
            assert np.nanmax(values) == value
    if not isinstance(found.feature_maps, Missing):
        for maps in found.feature_maps:
            fields = maps.receptive_field
            assert (len(fields.rows), len(fields.columns)) == maps.maps.shape[:2]
    if not isinstance(found.dense, Missing):
        for parts in found.dense.logits:
            terms = [term.contribution for term in parts.strongest]
            size = 1 + float(np.abs(parts.contributions).sum())
            total = sum(terms) + parts.rest + parts.bias
            assert total == pytest.approx(parts.logit, abs=1e-5 * size)
    if not isinstance(found.grad_cam, Missing):
        cam = found.grad_cam
        assert cam.difference.shape == cam.shape[:2]
        assert cam.on_input(cam.maps[0].heat).shape == (32, 32)
        assert all(np.isfinite(one.signed).all() for one in cam.maps)
    for part in vars(found).values():
        if isinstance(part, Missing):
            assert part.reason.endswith(".")


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_network_is_explained(
    name: str, keras: Any, dataset: Any, image: Any, monkeypatch: Any
) -> None:
    from cifarcnn.explanation import grad_cam
    from cifarcnn.network.builder import build_model

    monkeypatch.setattr(grad_cam, "SHUFFLES", 1)
    path = find_shipped(name)
    assert path is not None
    config = check_config(path, []).config
    assert config is not None
    if config.data.normalization == "standard":
        config = config.with_normalization(
            ChannelStatistics(mean=[0.5, 0.5, 0.5], deviation=[0.2, 0.2, 0.2])
        )
    model = build_model(config, 10)
    check(TrainedNetwork(model, config, dataset.class_names, lambda: dataset), image)


@pytest.fixture(scope="module")
def draw_network() -> Any:
    """Random networks, from the tests of the table of layers."""
    path = Path(__file__).parents[1] / "network" / "test_summary_equals_keras.py"
    spec = importlib.util.spec_from_file_location("random_networks", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.network


def test_random_networks_are_explained(
    draw_network: Any, keras: Any, make_network: Any, image: Any, monkeypatch: Any
) -> None:
    from cifarcnn.config.yaml_text import dump
    from cifarcnn.explanation import grad_cam

    monkeypatch.setattr(grad_cam, "SHUFFLES", 1)
    chance = random.Random(20262)
    done = 0
    while done < RANDOM_NETWORKS:
        value = draw_network(chance)
        if summarize(Config.model_validate(value)).problems:
            continue
        if done % 50 == 0:
            keras.backend.clear_session()
        network = make_network(value)
        try:
            network.model(image[None])
        except Exception:
            # TensorFlow has no depthwise convolution with two different strides.
            continue
        try:
            check(network, image)
        except Exception as error:
            error.add_note(dump(value))
            raise
        done += 1


def test_a_network_trained_before_is_explained_by_what_comes_out_of_it(
    make_network: Any, image: Any
) -> None:
    pretrained = {"application": "MobileNetV2", "weights": "none", "pooling": "avg"}
    layers = [{"Pretrained": pretrained}, {"Dense": 10}]
    network = make_network(
        {"data": {"normalization": "none"}, "model": {"layers": layers}}
    )
    found = explain_image(network, image)
    for part in (found.convolution, found.feature_maps, found.exciting_patches):
        assert part == Missing(
            "The convolutions of the network lie within pretrained_1, a network "
            "trained before, of which only the result is shown."
        )
    # At 32x32 a single cell is left, which tells of no place.
    assert isinstance(found.grad_cam, Missing)
    assert not isinstance(found.dense, Missing)
