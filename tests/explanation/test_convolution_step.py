"""The first convolution, activation and pooling, against plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

CLOSE = {"abs": 1e-5, "rel": 1e-5}


def look(window: Any, maps: np.ndarray, row: int, column: int) -> tuple[Any, ...]:
    """Rows and columns of a window, its values, and which of them are no padding."""
    rows, columns = (
        place * stride - before + dilation * np.arange(size)
        for place, stride, (before, _), dilation, size in zip(
            (row, column),
            window.strides,
            window.padding,
            window.dilation,
            window.size,
            strict=True,
        )
    )
    inside = np.logical_and.outer(
        (rows >= 0) & (rows < maps.shape[0]), (columns >= 0) & (columns < maps.shape[1])
    )
    values = maps[np.ix_(rows % maps.shape[0], columns % maps.shape[1])]
    return rows, columns, values, inside


def add_tile(convolution: Any, filter: int, row: int, column: int) -> float:
    """The sum of values times weights of a tile, plus the bias."""
    bank = convolution.filters
    first = bank.first_channel(filter)
    channels = convolution.input[:, :, first : first + bank.kernel.shape[2]]
    _, _, values, inside = look(bank.window, channels, row, column)
    products = values * bank.kernel[:, :, :, filter] * inside[:, :, None]
    return float(products.sum(dtype=np.float64) + bank.bias[filter])


def test_what_reaches_the_first_convolution_is_the_normalized_image(
    case: Any,
) -> None:
    convolution = case.explanation.convolution
    name = convolution.filters.layer
    assert convolution.input == pytest.approx(case.by_hand.inputs[name], **CLOSE)


def test_the_map_before_and_after_the_activation(case: Any) -> None:
    convolution = case.explanation.convolution
    name = convolution.filters.layer
    assert convolution.before == pytest.approx(case.by_hand.before[name], **CLOSE)
    assert convolution.after == pytest.approx(case.by_hand.after[name], **CLOSE)


def test_every_tile_adds_up_to_the_value_in_the_map(case: Any) -> None:
    convolution = case.explanation.convolution
    height, width, filters = convolution.before.shape
    for row in range(height):
        for column in range(width):
            for filter in range(filters):
                value = convolution.before[row, column, filter]
                found = add_tile(convolution, filter, row, column)
                assert found == pytest.approx(value, abs=1e-5)


def test_a_script_can_repeat_every_tile_from_the_plain_numbers(case: Any) -> None:
    """As the page does: nothing but arrays, strides and padding."""
    convolution = case.explanation.convolution
    bank, window = convolution.filters, convolution.filters.window
    (top, _), (left, _) = window.padding
    per_filter, filters = bank.kernel.shape[2:]
    found = np.zeros(convolution.before.shape)
    for row, column, filter in np.ndindex(found.shape):
        group = filter // (filters // bank.groups)
        total = float(bank.bias[filter])
        for i, j, channel in np.ndindex(bank.kernel.shape[:3]):
            y = row * window.strides[0] - top + i * window.dilation[0]
            x = column * window.strides[1] - left + j * window.dilation[1]
            if 0 <= y < bank.input_shape[0] and 0 <= x < bank.input_shape[1]:
                value = convolution.input[y, x, group * per_filter + channel]
                total += float(value) * float(bank.kernel[i, j, channel, filter])
        found[row, column, filter] = total
    assert found == pytest.approx(convolution.before, abs=1e-5)


def test_the_window_says_where_a_tile_lies_and_what_of_it_is_padding(
    case: Any,
) -> None:
    convolution = case.explanation.convolution
    window = convolution.filters.window
    rows, columns, _, found = look(window, convolution.input, 0, 0)
    inside = {
        # `same`, 3x3, over 32 cells with strides of 2: nothing above, one row below.
        "plain": (0, 0, np.ones((3, 3), bool)),
        "residual": (0, 0, np.ones((3, 3), bool)),
        "branches": (0, 0, np.ones((3, 3), bool)),
        "separable": (-1, -1, np.outer([0, 1, 1], [0, 1, 1]).astype(bool)),
    }[case.name]
    assert (rows[0], columns[0]) == inside[:2]
    assert np.array_equal(found, inside[2])


@pytest.mark.parametrize("case", ["residual"], indirect=True)
def test_the_last_tile_of_the_residual_network_has_its_padding_at_the_end(
    case: Any,
) -> None:
    convolution = case.explanation.convolution
    window = convolution.filters.window
    rows, columns, _, inside = look(window, convolution.input, 15, 15)
    assert (rows[0], columns[0]) == (30, 30)
    assert np.array_equal(inside, np.outer([1, 1, 0], [1, 1, 0]).astype(bool))


def test_the_kinds_of_convolution_are_told_apart(case: Any) -> None:
    filters = case.explanation.convolution.filters
    assert filters.kernel.shape == (3, 3, 3, 6)
    assert filters.has_bias == (case.name != "residual")
    assert filters.groups == 1
    if case.name == "separable":
        assert filters.type == "SeparableConv2D"
        assert filters.note == (
            "A separable convolution works in two steps: a small filter for every "
            "channel by itself, then weighted sums of the results. Here both are put "
            "together as one filter, which gives the same sums."
        )
    else:
        assert (filters.type, filters.note) == ("Conv2D", None)


@pytest.mark.parametrize(
    ("layer", "first_channels", "note"),
    [
        (
            {"DepthwiseConv2D": {"kernel_size": 2, "depth_multiplier": 2}},
            [0, 0, 1, 1, 2, 2],
            "A depthwise convolution: every filter looks at one channel only, so that "
            "nothing is added up across channels.",
        ),
        (
            {"Conv2D": {"filters": 6, "kernel_size": 2, "groups": 3, "strides": 3}},
            [0, 0, 1, 1, 2, 2],
            "The channels are divided into 3 groups: every filter looks at those of "
            "its own group only.",
        ),
    ],
)
def test_filters_that_look_at_some_channels_only(
    layer: Any, first_channels: list[int], note: str, make_network: Any, image: Any
) -> None:
    from cifarcnn.explanation.explain import explain_image

    network = make_network({"model": {"layers": [layer, "Flatten", {"Dense": 10}]}})
    convolution = explain_image(network, image).convolution
    filters = convolution.filters
    assert [filters.first_channel(f) for f in range(6)] == first_channels
    assert filters.note == note
    assert filters.kernel.shape == (2, 2, 1, 6)
    for filter in range(6):
        value = convolution.before[4, 7, filter]
        assert add_tile(convolution, filter, 4, 7) == pytest.approx(value, abs=1e-5)


def test_the_strongest_filters_come_first(case: Any) -> None:
    convolution = case.explanation.convolution
    strengths = np.abs(case.by_hand.after[convolution.filters.layer]).mean(axis=(0, 1))
    assert np.array_equal(convolution.order, np.argsort(-strengths))


def test_the_first_activation(case: Any) -> None:
    step = case.explanation.activation
    layer, activation, between = {
        "plain": ("conv2d_1", "relu", ()),
        "residual": ("activation_1", "relu", ("batch_normalization_1",)),
        "branches": ("activation_1", "relu", ("batch_normalization_1",)),
        "separable": ("separable_conv2d_1", "tanh", ()),
    }[case.name]
    assert (step.layer, step.activation, step.between) == (layer, activation, between)
    assert step.before == pytest.approx(case.by_hand.before[layer], **CLOSE)
    assert step.after == pytest.approx(case.by_hand.after[layer], **CLOSE)


@pytest.mark.parametrize("case", ["separable"], indirect=True)
def test_a_function_that_cuts_nothing_off_has_no_share_of_zeros(case: Any) -> None:
    assert case.explanation.activation.zeroed_share is None


@pytest.mark.parametrize("case", ["plain", "residual"], indirect=True)
def test_the_share_of_values_that_an_activation_made_zero(case: Any) -> None:
    step = case.explanation.activation
    negative = case.by_hand.before[step.layer] < 0
    assert step.zeroed_share == pytest.approx(negative.mean(), abs=1e-9)
    assert 0.1 < step.zeroed_share < 0.9


@pytest.mark.parametrize("case", ["residual"], indirect=True)
def test_a_network_without_pooling_says_so(case: Any) -> None:
    assert case.explanation.pooling.reason == (
        "The network has no pooling layer that slides a window over its maps."
    )


@pytest.mark.parametrize("case", ["plain", "separable"], indirect=True)
def test_the_first_pooling(case: Any) -> None:
    pooling = case.explanation.pooling
    hand = case.by_hand
    assert (
        pooling.type
        == {"plain": "MaxPooling2D", "separable": "AveragePooling2D"}[case.name]
    )
    assert pooling.before == pytest.approx(hand.inputs[pooling.layer], **CLOSE)
    assert pooling.after == pytest.approx(hand.after[pooling.layer], **CLOSE)
    assert (
        pooling.share_left == {"plain": 225 / 900, "separable": 256 / 1024}[case.name]
    )
    strengths = np.abs(hand.inputs[pooling.layer]).mean(axis=(0, 1))
    assert np.array_equal(pooling.order, np.argsort(-strengths))


def check_pooling_tiles(pooling: Any) -> None:
    height, width, channels = pooling.after.shape
    for row in range(height):
        for column in range(width):
            for channel in range(channels):
                maps = pooling.before[:, :, channel]
                _, _, values, inside = look(pooling.window, maps, row, column)
                value = pooling.after[row, column, channel]
                if pooling.type == "AveragePooling2D":
                    mean = values[inside].mean(dtype=np.float64)
                    assert mean == pytest.approx(value, abs=1e-5)
                else:
                    assert values[inside].max() == value


@pytest.mark.parametrize("case", ["plain", "separable"], indirect=True)
def test_every_pooling_tile_holds_what_is_kept(case: Any) -> None:
    check_pooling_tiles(case.explanation.pooling)


@pytest.mark.parametrize("kind", ["MaxPooling2D", "AveragePooling2D"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_pooling_windows_that_overlap_and_reach_beyond_the_border(
    kind: str, padding: str, make_network: Any, image: Any
) -> None:
    from cifarcnn.explanation.explain import explain_image

    pooling = {kind: {"pool_size": [3, 4], "strides": [2, 5], "padding": padding}}
    layers = [pooling, "Flatten", {"Dense": 10}]
    explanation = explain_image(make_network({"model": {"layers": layers}}), image)
    check_pooling_tiles(explanation.pooling)


def test_the_activation_is_found_where_the_way_divides(
    make_network: Any, image: Any
) -> None:
    from cifarcnn.explanation.explain import explain_image

    branch = [{"Dropout": {"rate": 0.1, "name": "inner"}}, {"Activation": "elu"}]
    layers = [
        {"Conv2D": {"filters": 3, "kernel_size": 1}},
        {"Residual": branch},
        "Flatten",
        {"Dense": 10},
    ]  # fmt: skip
    step = explain_image(make_network({"model": {"layers": layers}}), image).activation
    assert (step.layer, step.activation) == ("activation_1", "elu")
    assert step.between == ("inner",)
    assert step.note == "Negative values are bent towards -1; none becomes 0."


def test_a_network_that_stays_linear_says_so(make_network: Any, image: Any) -> None:
    from cifarcnn.explanation.explain import explain_image

    layers = [
        {"Conv2D": {"filters": 3, "kernel_size": 1}},
        "Flatten",
        {"Dense": {"units": 4, "activation": "relu"}},
        {"Dense": 10},
    ]
    missing = explain_image(make_network({"model": {"layers": layers}}), image)
    assert missing.activation.reason == (
        "No activation follows the convolutions: they stay linear."
    )


def test_a_layer_of_learned_slopes_is_an_activation(
    make_network: Any, image: Any
) -> None:
    from cifarcnn.explanation.explain import explain_image

    layers = [
        {"Conv2D": {"filters": 2, "kernel_size": 3}},
        {"PReLU": {"shared_axes": [1, 2], "name": "slopes"}},
        "Flatten",
        {"Dense": 10},
    ]
    network = make_network({"model": {"layers": layers}})
    network.model.get_layer("slopes").alpha.assign([[[0.5, -0.25]]])
    found = explain_image(network, image)
    step = found.activation
    assert (step.layer, step.activation, step.between) == ("slopes", "prelu", ())
    assert step.zeroed_share is None
    factors = np.where(step.before < 0, np.float32([0.5, -0.25]), 1)
    assert step.after == pytest.approx(step.before * factors, **CLOSE)
    # The mean of both factors, an eighth, at -4; 4 as it is.
    assert step.curve[:, [0, -1]].tolist() == [[-4, 4], [-0.5, 4]]
    assert found.feature_maps[0].taken_after == "slopes"
    assert found.grad_cam.layer == "slopes"
