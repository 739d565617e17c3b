"""Names, shapes, parameters and multiply-accumulates, worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cifarcnn.config import summarize
from cifarcnn.config.layers import LAYERS
from cifarcnn.config.layers.base import Layer, Window, show
from cifarcnn.config.layers.pooling import Resizing

if TYPE_CHECKING:
    from conftest import Check

    from cifarcnn.config import Summary


def summary(check: Check, layers: str) -> Summary:
    """Of layers followed by what ends a network."""
    checked = check(f"model: {{layers: [{layers}, Flatten, Dense: 10]}}")
    assert [str(problem) for problem in checked.problems] == []
    return checked.summary


# What goes in is 32x32x3. Each line: layer, output, parameters, multiply-accumulates.
BY_HAND = [
    # 3*3*3*8 weights + 8 biases; 30*30 places.
    ("Conv2D: {filters: 8, kernel_size: 3}", (30, 30, 8), 224, 30 * 30 * 216),
    ("Conv2D: {filters: 8, kernel_size: 3, use_bias: false}", (30, 30, 8), 216,
     30 * 30 * 216),
    ("Conv2D: {filters: 8, kernel_size: 3, padding: same}", (32, 32, 8), 224,
     32 * 32 * 216),
    # ceil(32 / 3) = 11 with `same`; floor((32 - 5) / 3) + 1 = 10 with `valid`.
    ("Conv2D: {filters: 2, kernel_size: 5, strides: 3, padding: same}", (11, 11, 2),
     152, 11 * 11 * 150),
    ("Conv2D: {filters: 2, kernel_size: 5, strides: 3}", (10, 10, 2), 152,
     10 * 10 * 150),
    # Two different sides.
    ("Conv2D: {filters: 2, kernel_size: [1, 7], strides: [2, 1]}", (16, 26, 2), 44,
     16 * 26 * 42),
    # A 3x3 window with a dilation of 4 reaches over 9.
    ("Conv2D: {filters: 2, kernel_size: 3, dilation_rate: 4}", (24, 24, 2), 56,
     24 * 24 * 54),
    ("Conv2D: {filters: 2, kernel_size: 3, dilation_rate: [4, 1]}", (24, 30, 2), 56,
     24 * 30 * 54),
    ("Conv2D: {filters: 2, kernel_size: 3, dilation_rate: 4, padding: same}",
     (32, 32, 2), 56, 32 * 32 * 54),
    # Three groups: every filter looks at one of three channels.
    ("Conv2D: {filters: 6, kernel_size: 3, groups: 3}", (30, 30, 6), 60,
     30 * 30 * 54),
    # 5*5*3*2 weights + 6 biases.
    ("DepthwiseConv2D: {kernel_size: 5, depth_multiplier: 2}", (28, 28, 6), 156,
     28 * 28 * 150),
    ("DepthwiseConv2D: {kernel_size: 3, strides: 2, padding: same}", (16, 16, 3), 30,
     16 * 16 * 27),
    # 3*3*3*2 weights, then 6*4 and 4 biases.
    ("SeparableConv2D: {filters: 4, kernel_size: 3, depth_multiplier: 2}", (30, 30, 4),
     54 + 24 + 4, 30 * 30 * (54 + 24)),
    ("SeparableConv2D: {filters: 4, kernel_size: 3, use_bias: false}", (30, 30, 4),
     27 + 12, 30 * 30 * (27 + 12)),
    ("MaxPooling2D", (16, 16, 3), 0, 0),
    ("MaxPooling2D: 3", (10, 10, 3), 0, 0),
    ("MaxPooling2D: {pool_size: 3, padding: same}", (11, 11, 3), 0, 0),
    ("MaxPooling2D: {pool_size: 3, strides: 2}", (15, 15, 3), 0, 0),
    ("AveragePooling2D: {pool_size: [2, 4], strides: [1, 4]}", (31, 8, 3), 0, 0),
    ("GlobalAveragePooling2D", (3,), 0, 0),
    ("GlobalMaxPooling2D: {keepdims: true}", (1, 1, 3), 0, 0),
    ("Flatten", (3072,), 0, 0),
    # On maps: 3*5 weights + 5 biases, at each of 32*32 places.
    ("Dense: 5", (32, 32, 5), 20, 32 * 32 * 15),
    ("Dense: {units: 5, use_bias: false}", (32, 32, 5), 15, 32 * 32 * 15),
    ("Dropout: 0.5", (32, 32, 3), 0, 0),
    ("SpatialDropout2D: 0.5", (32, 32, 3), 0, 0),
    ("GaussianNoise: 0.1", (32, 32, 3), 0, 0),
    ("Activation: relu", (32, 32, 3), 0, 0),
    ("Rescaling: 2.0", (32, 32, 3), 0, 0),
    # gamma, beta, moving mean, moving variance.
    ("BatchNormalization", (32, 32, 3), 12, 0),
    ("BatchNormalization: {scale: false}", (32, 32, 3), 9, 0),
    ("BatchNormalization: {scale: false, center: false}", (32, 32, 3), 6, 0),
    ("LayerNormalization", (32, 32, 3), 6, 0),
    ("LayerNormalization: {center: false}", (32, 32, 3), 3, 0),
    ("GroupNormalization: 3", (32, 32, 3), 6, 0),
    ("GroupNormalization: -1", (32, 32, 3), 6, 0),
    # A factor for each value, each channel, each column of each channel.
    ("PReLU", (32, 32, 3), 3072, 0),
    ("PReLU: {shared_axes: [1, 2]}", (32, 32, 3), 3, 0),
    ("PReLU: {shared_axes: 1}", (32, 32, 3), 96, 0),
    ("AlphaDropout: 0.5", (32, 32, 3), 0, 0),
    ("UpSampling2D", (64, 64, 3), 0, 0),
    ("UpSampling2D: {size: [1, 3], interpolation: bilinear}", (32, 96, 3), 0, 0),
    ("Resizing: {height: 96, width: 40}", (96, 40, 3), 0, 0),
    ("Resizing: {height: 1, width: 1024, interpolation: nearest}", (1, 1024, 3), 0, 0),
    ("ZeroPadding2D", (34, 34, 3), 0, 0),
    ("ZeroPadding2D: 2", (36, 36, 3), 0, 0),
    ("ZeroPadding2D: [0, 3]", (32, 38, 3), 0, 0),
    ("ZeroPadding2D: [[1, 2], [3, 4]]", (35, 39, 3), 0, 0),
    ("ZeroPadding2D: [1, [3, 4]]", (34, 39, 3), 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "shape", "parameters", "macs"), BY_HAND, ids=[row[0] for row in BY_HAND]
)
def test_a_layer_has_the_shape_and_the_numbers_worked_out_by_hand(
    layer: str, shape: tuple[int, ...], parameters: int, macs: int, check: Check
) -> None:
    row = summary(check, layer).rows[0]
    assert (row.output_shape, row.parameters, row.macs) == (shape, parameters, macs)


def test_a_dense_layer_counts_what_flatten_gives_it(check: Check) -> None:
    row = summary(check, "Flatten, Dense: 7").rows[1]
    assert (row.output_shape, row.parameters, row.macs) == (
        (7,),
        3072 * 7 + 7,
        3072 * 7,
    )


def test_the_articles_network_has_its_122570_parameters() -> None:
    from cifarcnn.config import load_config

    table = summarize(load_config("article"))
    assert [row.parameters for row in table.rows] == [
        896, 0, 18_496, 0, 36_928, 0, 65_600, 650,
    ]  # fmt: skip
    assert [row.output_shape for row in table.rows] == [
        (30, 30, 32), (15, 15, 32), (13, 13, 64), (6, 6, 64), (4, 4, 64), (1024,),
        (64,), (10,),
    ]  # fmt: skip
    assert table.parameters == 122_570
    assert table.macs == (
        900 * 864 + 169 * 18_432 + 16 * 36_864 + 1024 * 64 + 64 * 10
    )  # fmt: skip


def test_names_are_counted_by_type_and_pass_over_what_is_taken(check: Check) -> None:
    table = summary(
        check,
        "Conv2D: {filters: 3, kernel_size: 1, name: conv2d_2}, "
        "Residual: [Conv2D: {filters: 3, kernel_size: 1}], "
        "Conv2D: {filters: 3, kernel_size: 1}, Activation: relu, Residual: "
        "[Activation: relu]",
    )
    assert [row.name for row in table.rows] == [
        "conv2d_2",
        "conv2d_1",
        "residual_1",
        "conv2d_3",
        "activation_1",
        "activation_2",
        "residual_2",
        "flatten_1",
        "dense_1",
    ]


@pytest.mark.parametrize(
    ("shape", "shown"), [((30, 30, 32), "30x30x32"), ((64,), "(64)"), ((1, 1), "1x1")]
)
def test_a_shape_is_shown_as_people_write_it(
    shape: tuple[int, ...], shown: str
) -> None:
    assert show(shape) == shown


NEEDED = {
    "Conv2D": {"filters": 4, "kernel_size": 3},
    "SeparableConv2D": {"filters": 4, "kernel_size": 3},
    "DepthwiseConv2D": {"kernel_size": 3},
    "Resizing": {"height": 7, "width": 20},
    "Dense": {"units": 4},
    "Activation": {"activation": "relu"},
    "Dropout": {"rate": 0.5},
    "SpatialDropout2D": {"rate": 0.5},
    "AlphaDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5},
    "GroupNormalization": {"groups": 1},
    "Rescaling": {"scale": 2.0},
    "Residual": {"layers": ["BatchNormalization"]},
    "Concatenate": {"branches": [[], ["BatchNormalization"]]},
    "Multiply": {"branches": [[], ["BatchNormalization"]]},
    "Pretrained": {"application": "VGG16"},
}


@pytest.mark.parametrize("kind", list(LAYERS), ids=[kind.__name__ for kind in LAYERS])
def test_every_kind_of_layer_tells_its_window_and_what_is_kept(
    kind: type[Layer],
) -> None:
    layer = kind.model_validate(NEEDED.get(kind.__name__, {}))
    # A network of Keras takes pictures, not just any maps.
    before = (40, 36, 3) if kind.__name__ == "Pretrained" else (8, 6, 4)
    window, shape = layer.window(before), layer.output_shape(before)
    if window is not None:
        assert window.output_shape(before, shape[2]) == shape
    if kind is Resizing:
        nearest = layer.model_copy(update={"interpolation": "nearest"})
        assert nearest.window((8, 6, 4)).output_shape((8, 6, 4), 4) == (7, 20, 4)
    assert isinstance(layer.keeps_input, bool)
    assert layer.keeps_output in ("always", "if_needed", "unknown")


def test_a_kind_of_layer_without_these_rules_raises() -> None:
    class Unknown(Layer):
        pass

    layer = Unknown()
    with pytest.raises(NotImplementedError, match="Unknown has no window"):
        layer.window((8, 6, 4))
    with pytest.raises(NotImplementedError, match="Unknown has no output_shape"):
        layer.output_shape((8, 6, 4))
    with pytest.raises(AttributeError, match="keeps_input"):
        _ = layer.keeps_input
    with pytest.raises(AttributeError, match="keeps_output"):
        _ = layer.keeps_output


def test_windows_and_their_padding_are_those_worked_out_by_hand(check: Check) -> None:
    layers = {
        # 16 windows of 3 with a stride of 2 need 33 of 32 rows: one below.
        "Conv2D: {filters: 1, kernel_size: 3, strides: 2, padding: same}": Window(
            (3, 3), (2, 2), (1, 1), ((0, 1), (0, 1))
        ),
        # Over 32 rows a window that reaches 9 needs 8 more, four on each side.
        "Conv2D: {filters: 1, kernel_size: [5, 1], dilation_rate: [2, 1], "
        "padding: same}": Window((5, 1), (1, 1), (2, 1), ((4, 4), (0, 0))),
        "MaxPooling2D: 3": Window((3, 3), (3, 3)),
        # 11 windows of 3 need 33 rows.
        "AveragePooling2D: {pool_size: 3, padding: same}": Window(
            (3, 3), (3, 3), (1, 1), ((0, 1), (0, 1))
        ),
        "ZeroPadding2D: [[1, 2], [3, 4]]": Window((1, 1), padding=((1, 2), (3, 4))),
        "BatchNormalization": Window((1, 1)),
        "GroupNormalization: 1": None,
        "GlobalMaxPooling2D: {keepdims: true}": None,
    }
    for text, window in layers.items():
        config = check(f"model: {{layers: [{text}, Flatten, Dense: 10]}}").config
        assert config is not None
        assert config.model.layers[0].window((32, 32, 3)) == window, text


def test_a_row_tells_whether_its_output_is_kept_for_the_gradient(check: Check) -> None:
    rows = summary(
        check,
        "Conv2D: {filters: 3, kernel_size: 1}, BatchNormalization, Activation: relu, "
        # The first is followed by what adds, and not by the layer of the shortcut.
        "Residual: {layers: [Conv2D: {filters: 4, kernel_size: 1}], "
        "shortcut: [Conv2D: {filters: 4, kernel_size: 1}]}, "
        "Conv2D: {filters: 3, kernel_size: 1}, Dropout: 0.5",
    ).rows
    kept = [row.name for row in rows if row.kept]
    assert kept == ["conv2d_1", "activation_1"]
