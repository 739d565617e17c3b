from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cifarcnn.errors import RunError
from cifarcnn.page import inline_arrays
from cifarcnn.page.inline_arrays import count_shown
from cifarcnn.page.page_data import (
    MOST_FILTERS,
    find_start,
    pack_explanation,
    pack_model,
    require_finite,
    shares_filters,
)


def unpack(entry: dict[str, Any], number: int) -> np.ndarray:
    packed = entry["arrays"][number]
    kind = {"f4": "<f4", "u1": "u1"}[packed["kind"]]
    values = np.frombuffer(base64.b64decode(packed["data"]), kind)
    return values.reshape(packed["shape"])


def test_the_script_gets_the_numbers_of_the_story_to_the_bit(explanation: Any) -> None:
    entry: dict[str, Any] = pack_explanation(explanation)
    packed, convolution = entry["convolution"], explanation.convolution
    order = list(convolution.order)
    assert packed["channels"] == order
    assert (unpack(entry, packed["before"]) == convolution.before[..., order]).all()
    assert (unpack(entry, packed["after"]) == convolution.after[..., order]).all()
    assert (unpack(entry, packed["input"]) == convolution.input).all()
    kernel = convolution.filters.kernel[..., order]
    assert (unpack(entry, packed["kernel"]) == kernel).all()
    assert (unpack(entry, packed["bias"]) == convolution.filters.bias[order]).all()
    assert (unpack(entry, entry["pixels"]) == explanation.network_input.pixels).all()
    assert (
        unpack(entry, entry["normalized"]) == explanation.network_input.normalized
    ).all()
    for layer, maps in zip(entry["maps"], explanation.feature_maps, strict=True):
        order = list(maps.order)
        assert layer["channels"] == order
        assert (unpack(entry, layer["maps"]) == maps.maps[..., order]).all()
        assert layer["rows"] == maps.receptive_field.rows.tolist()
    packed, pooling = entry["pooling"], explanation.pooling
    order = list(pooling.order)
    assert (unpack(entry, packed["before"]) == pooling.before[..., order]).all()
    assert (unpack(entry, packed["after"]) == pooling.after[..., order]).all()


def test_maps_that_several_parts_show_are_carried_once(explanation: Any) -> None:
    entry: dict[str, Any] = pack_explanation(explanation)
    convolution, activation = entry["convolution"], entry["activation"]
    assert activation["before"] == convolution["before"]
    assert activation["after"] == convolution["after"] == entry["maps"][0]["maps"]
    assert entry["pooling"]["before"] == activation["after"]


def test_the_page_begins_at_the_strongest_answer_of_the_strongest_filter(
    explanation: Any,
) -> None:
    filter, row, column = find_start(explanation.convolution)
    before = explanation.convolution.before
    strengths = np.abs(explanation.convolution.after).mean((0, 1))
    assert strengths[filter] == strengths.max()
    assert before[row, column, filter] == before[:, :, filter].max()
    assert pack_explanation(explanation)["convolution"]["start"] == [row, column]  # type: ignore[index]


def test_only_the_strongest_of_many_channels_are_carried(
    explain: Callable[..., Any],
) -> None:
    explanation = explain(
        [{"Conv2D": {"filters": 70, "kernel_size": 3, "strides": 4}}, "Flatten",
         {"Dense": {"units": 10, "activation": "softmax"}}]
    )  # fmt: skip
    entry: dict[str, Any] = pack_explanation(explanation)
    order = list(explanation.convolution.order)
    assert entry["convolution"]["channels"] == order[:MOST_FILTERS]
    assert entry["maps"][0]["channels"] == list(explanation.feature_maps[0].order)[:32]


def test_of_large_maps_fewer_are_carried(
    explain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # 2 x 120,000 of at most 262,144 numbers.
    large = np.broadcast_to(np.float32(0), (300, 400, 8))
    assert count_shown(large, 8) == 2
    assert count_shown(large[:100], 8) == 6
    # A hundredth of either, which takes no time to explain.
    monkeypatch.setattr(inline_arrays, "_MOST_VALUES", 2621)
    layers = [
        {"Resizing": {"height": 30, "width": 40}},
        {"Conv2D": {"filters": 8, "kernel_size": 1, "activation": "relu"}},
        {"MaxPooling2D": {"pool_size": 10}},
        "Flatten",
        {"Dense": {"units": 10, "activation": "softmax"}},
    ]
    explanation = explain(layers)
    entry: dict[str, Any] = pack_explanation(explanation)
    shown = list(explanation.convolution.order)[:2]
    assert entry["convolution"]["channels"] == shown
    assert entry["activation"]["channels"] == shown
    assert len(entry["maps"][0]["channels"]) == 2
    assert len(entry["pooling"]["channels"]) == 2
    packed = unpack(entry, entry["pooling"]["after"])
    order = list(explanation.pooling.order)[:2]
    assert (packed == explanation.pooling.after[:, :, order]).all()


def test_an_activation_behind_another_convolution_has_channels_of_its_own(
    explain: Callable[..., Any], explanation: Any
) -> None:
    dense = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
    first = {"Conv2D": {"filters": 5, "kernel_size": 3, "strides": 3}}
    second = {"Conv2D": {"filters": 5, "kernel_size": 3, "activation": "tanh"}}
    assert shares_filters(explanation)
    assert not shares_filters(explain([first, second, *dense]))
    normalized = [first, "BatchNormalization", {"Activation": "relu"}, *dense]
    assert shares_filters(explain(normalized))


def test_the_image_is_painted_only_where_it_is_what_the_filters_see(
    explain: Callable[..., Any], explanation: Any
) -> None:
    dense = ["Flatten", {"Dense": {"units": 10, "activation": "softmax"}}]
    first = {"Conv2D": {"filters": 5, "kernel_size": 3, "strides": 3}}
    assert pack_explanation(explanation)["convolution"]["seesImage"] is True
    padded = explain(["ZeroPadding2D", first, *dense])
    assert padded.convolution.input.shape == (34, 34, 3)
    assert pack_explanation(padded)["convolution"]["seesImage"] is False


def test_values_that_cannot_be_shown_are_refused(explanation: Any) -> None:
    require_finite(explanation)
    sentence = (
        "On this picture {} gives values that are infinite or not a number, so there "
        "is nothing to show. The training went astray: try a smaller learning rate."
    )
    lost = np.full(10, np.nan, np.float32)
    astray = replace(explanation, softmax=replace(explanation.softmax, logits=lost))
    with pytest.raises(RunError) as caught:
        require_finite(astray)
    assert str(caught.value) == sentence.format("the last layer")
    first, second = explanation.feature_maps
    maps = np.where(second.maps > second.maps.mean(), np.inf, second.maps)
    astray = replace(astray, feature_maps=(first, replace(second, maps=maps)))
    with pytest.raises(RunError) as caught:
        require_finite(astray)
    assert str(caught.value) == sentence.format("conv2d_2")


def test_the_model_alone_carries_its_filters(model_explanation: Any) -> None:
    entry: dict[str, Any] = pack_model(model_explanation)
    kernel = unpack(entry, entry["filters"]["kernel"])
    assert (kernel == model_explanation.filters.kernel).all()
    assert entry["filters"]["channels"] == [0, 1, 2, 3, 4, 5]
