"""Receptive fields, found again by changing pixels and watching the cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.config.layers.base import Layer
from cifarcnn.explanation.layer_outputs import LayerOutputModel
from cifarcnn.explanation.receptive_field import receptive_fields
from cifarcnn.explanation.steps import Step


def conv(size: Any = 3, **arguments: Any) -> dict[str, Any]:
    return {"Conv2D": {"filters": 2, "kernel_size": size, **arguments}}


NETWORKS: dict[str, list[Any]] = {
    "valid windows and poolings": [
        conv(), "MaxPooling2D", conv([2, 4]), {"AveragePooling2D": [3, 2]}, conv(1),
    ],
    "padding of every kind": [
        conv(4, padding="same"),
        {"MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}},
        {"ZeroPadding2D": [[2, 0], [1, 3]]},
        conv(3, strides=3, padding="same"),
        {"AveragePooling2D": {"pool_size": 2, "strides": 1, "padding": "same"}},
    ],
    "cells that see padding only": [{"ZeroPadding2D": 4}, conv(3)],
    "dilation": [
        conv(3, dilation_rate=3, padding="same"), conv([3, 1], dilation_rate=[4, 1]),
    ],
    "depthwise and separable": [
        {"DepthwiseConv2D": {"kernel_size": 3, "strides": 2, "padding": "same"}},
        {"SeparableConv2D": {"filters": 2, "kernel_size": 5, "dilation_rate": 2}},
        {"Dense": 3},
        "LayerNormalization",
    ],
    "residuals within residuals": [
        conv(3, strides=2),
        {"Residual": {
            "layers": [
                conv(3, padding="same", strides=2),
                {"Residual": [conv(3, padding="same"), conv(2, padding="same")]},
            ],
            "shortcut": [conv(1, strides=2)],
        }},
        conv(3),
    ],
    "ways of different strides": [
        {"Residual": {"layers": [{"MaxPooling2D": 4}, conv(1)],
                      "shortcut": [conv(25)]}},
    ],
    "branches": [
        conv(3, strides=2),
        {"Concatenate": [
            [], [conv(3, padding="same"), conv([5, 1], padding="same")],
            [{"MaxPooling2D": {"pool_size": 3, "strides": 1, "padding": "same"}}],
        ]},
        {"Multiply": [[{"AveragePooling2D": 2}],
                      [{"MaxPooling2D": {"pool_size": 3, "strides": 2}}]]},
    ],
    # The last row and column of pixels are not seen.
    "squeeze and excitation": [
        conv(4, strides=4), conv(2, strides=2), {"MaxPooling2D": [3, 1]},
        {"Multiply": [["GlobalAveragePooling2D", {"Dense": 2}], []]},
        {"Multiply": [[{"AveragePooling2D": [1, 4]}], []]},
    ],
    "larger maps": [
        conv(4, strides=4), {"UpSampling2D": [2, 3]}, conv(2), {"MaxPooling2D": 3},
    ],
    "larger maps with lines between": [
        {"MaxPooling2D": [4, 3]},
        {"UpSampling2D": {"size": [2, 3], "interpolation": "bilinear"}},
        {"MaxPooling2D": 3},
        {"UpSampling2D": {"size": [1, 4], "interpolation": "bilinear"}},
        {"Multiply": [[], [conv(3, padding="same", filters=3)]]},
    ],
    "resized maps": [
        {"Resizing": {"height": 13, "width": 45}},
        {"MaxPooling2D": [3, 4]},
        {"Resizing": {"height": 9, "width": 11}},
        {"Resizing": {"height": 9, "width": 4, "interpolation": "nearest"}},
        conv(2),
        {"Resizing": {"height": 8, "width": 7, "interpolation": "nearest"}},
    ],
    "a group normalization": [
        conv(3), {"MaxPooling2D": 4}, {"GroupNormalization": 1},
    ],
    "a global pooling": [
        {"MaxPooling2D": 5}, {"GlobalAveragePooling2D": {"keepdims": True}}, conv(1),
    ],
}  # fmt: skip


@pytest.fixture(params=[*NETWORKS, "wide images"])
def network(request: Any, make_network: Any) -> LayerOutputModel:
    if request.param == "wide images":
        request.getfixturevalue("wide_dataset")
    name = request.param if request.param in NETWORKS else "padding of every kind"
    layers = [*NETWORKS[name], "Flatten", {"Dense": 10}]
    network = make_network({"model": {"layers": layers}})
    # With positive weights no change of a pixel is lost on the way.
    random = np.random.default_rng(0)
    for weight in network.model.weights:
        weight.assign(random.uniform(0.5, 1, weight.shape))
    return LayerOutputModel(network.model, network.config)


def test_a_cell_changes_with_the_pixels_of_its_field(network: LayerOutputModel) -> None:
    # One image for each pixel, which is brighter there.
    height, width, _ = next(iter(network.steps.values())).shape
    images = np.ones((1 + height * width, height, width, 3), np.uint8)
    pixels = np.arange(height * width)
    images[1 + pixels, pixels // width, pixels % width] = 255
    names = [name for name, step in network.steps.items() if step.is_map]
    values = {}
    for start in range(0, len(images), 205):
        for name, part in network.run(images[start : start + 205], names).items():
            values.setdefault(name, []).append(part)
    fields = receptive_fields(network.steps)
    assert list(fields) == names
    for name in names:
        maps = np.concatenate(values[name])
        # On some processors the same picture differs in its last bits in a batch.
        off, size = np.abs(maps[1:] - maps[0]), np.abs(maps[0]).max()
        changed = (off > 1e-6 * size).any(axis=-1)
        for row, column in np.ndindex(maps.shape[1:3]):
            seen = changed[:, row, column].reshape(height, width)
            box = fields[name].box(row, column)
            rows, columns = seen.any(axis=1).nonzero()[0], seen.any(axis=0).nonzero()[0]
            found = (0, 0, 0, 0)
            if len(rows):
                found = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
            told = (box.top, box.left, box.bottom, box.right)
            if box.top == box.bottom or box.left == box.right:
                told = (0, 0, 0, 0)
            assert told == found, (name, row, column)


def test_size_stride_and_offset_describe_the_cells_within(
    network: LayerOutputModel,
) -> None:
    image_size = next(iter(network.steps.values())).shape[:2]
    for name, field in receptive_fields(network.steps).items():
        for side, cells in enumerate((field.rows, field.columns)):
            length = image_size[side]
            if field.stride is None:
                assert field.offset is None
                assert field.size[side] == (cells[:, 1] - cells[:, 0]).max()
                continue
            first = field.offset[side] + field.stride[side] * np.arange(len(cells))
            last = first + field.size[side]
            whole = (first >= 0) & (last <= length)
            assert np.array_equal(cells[whole, 0], first[whole]), name
            assert np.array_equal(cells[whole, 1], last[whole]), name
            # What the border cuts off lies within what would be seen without it.
            seen = cells[:, 0] < cells[:, 1]
            assert (cells[seen, 0] >= np.maximum(first, 0)[seen]).all(), name
            assert (cells[seen, 1] <= np.minimum(last, length)[seen]).all(), name


def test_the_sizes_that_a_textbook_gives(make_network: Any) -> None:
    """3x3, pooling 2, 3x3, pooling 2, 3x3: 3, 4, 8, 10 and 18 pixels."""
    layers = [conv(), "MaxPooling2D", conv(), "MaxPooling2D", conv()]
    network = make_network({"model": {"layers": [*layers, "Flatten", {"Dense": 10}]}})
    fields = receptive_fields(LayerOutputModel(network.model, network.config).steps)
    found = [(f.size[0], f.stride[0], f.offset[0]) for f in fields.values()]
    assert found == [(1, 1, 0), (3, 1, 0), (4, 2, 0), (8, 2, 0), (10, 4, 0), (18, 4, 0)]


class UpSampling2D(Layer):
    """A layer that does not say what its cells see."""


def test_a_kind_of_layer_that_is_not_known_is_refused() -> None:
    """Passed over, it would give wrong receptive fields."""
    first = Step("normalization", "Rescaling", None, (), (32, 32, 3), 0)
    layer: Any = UpSampling2D(name="up")
    last = Step("up", layer.type, layer, ("normalization",), (64, 64, 3), 0)
    with pytest.raises(NotImplementedError, match="UpSampling2D has no window"):
        receptive_fields({step.name: step for step in (first, last)})
