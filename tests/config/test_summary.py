"""What does not fit together, each in full and at the layer that causes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cifarcnn.config.datasets import DATASETS, DatasetFacts

if TYPE_CHECKING:
    from conftest import Check

POOL_HINT = (
    "use fewer or smaller poolings, or padding: same in the convolutions before it"
)
CONV_HINT = "use padding: same, a smaller kernel_size, or fewer poolings before it"
FLAT = "needs maps (height, width, channels), but what reaches it is flat: (3072)"
MOVE = "move it before the Flatten or global pooling"
KEEP = "its layers must keep the shape, or its shortcut must change it alike"
END = "Flatten, Dense: 10"
# The layers, which of them is wrong, what is said.
COMPLAINTS = [
    ("MaxPooling2D: 33, " + END, 0,
     "a window of 33x33 does not fit into maps of 32x32", POOL_HINT),
    ("AveragePooling2D: [2, 40], " + END, 0,
     "a window of 2x40 does not fit into maps of 32x32", POOL_HINT),
    ("Conv2D: {filters: 1, kernel_size: [33, 1]}, " + END, 0,
     "a window of 33x1 does not fit into maps of 32x32", CONV_HINT),
    ("Conv2D: {filters: 1, kernel_size: 5, dilation_rate: 8}, " + END, 0,
     "a window of 33x33 does not fit into maps of 32x32", CONV_HINT),
    ("SeparableConv2D: {filters: 1, kernel_size: 33}, " + END, 0,
     "a window of 33x33 does not fit into maps of 32x32", CONV_HINT),
    ("DepthwiseConv2D: {kernel_size: 33}, " + END, 0,
     "a window of 33x33 does not fit into maps of 32x32", CONV_HINT),
    ("DepthwiseConv2D: {kernel_size: 3, strides: 2, dilation_rate: [1, 2]}, " + END, 0,
     "strides of 2x2 and a dilation_rate of 1x2 cannot be used together",
     "leave one of them at 1"),
    ("Flatten, Conv2D: {filters: 1, kernel_size: 1}, Dense: 10", 1, f"Conv2D {FLAT}",
     MOVE),
    ("Flatten, MaxPooling2D, Dense: 10", 1, f"MaxPooling2D {FLAT}", MOVE),
    ("Flatten, GlobalMaxPooling2D, Dense: 10", 1, f"GlobalMaxPooling2D {FLAT}", MOVE),
    ("Flatten, ZeroPadding2D, Dense: 10", 1, f"ZeroPadding2D {FLAT}", MOVE),
    ("Flatten, SpatialDropout2D: 0.5, Dense: 10", 1, f"SpatialDropout2D {FLAT}", MOVE),
    ("Flatten, UpSampling2D, Dense: 10", 1, f"UpSampling2D {FLAT}", MOVE),
    ("PReLU: {shared_axes: [1, 4]}, " + END, 0,
     "shared_axes counts the axes of 32x32x3 from 1 to 3, found 4",
     "use shared_axes: [1, 2] for a factor for each channel"),
    ("PReLU: {shared_axes: 0}, " + END, 0,
     "shared_axes counts the axes of 32x32x3 from 1 to 3, found 0",
     "use shared_axes: [1, 2] for a factor for each channel"),
    ("Flatten, PReLU: {shared_axes: [1, 2]}, Dense: 10", 1,
     "shared_axes counts the axes of (3072) from 1 to 1, found 2",
     "leave it out for a factor for each unit"),
    ("Conv2D: {filters: 4, kernel_size: 1, groups: 2}, " + END, 0,
     "3 channels cannot be divided into 2 groups",
     "choose groups that divide both the channels and the filters"),
    ("Conv2D: {filters: 4, kernel_size: 1, groups: 3}, " + END, 0,
     "4 filters cannot be divided into 3 groups",
     "choose groups that divide both the channels and the filters"),
    ("GroupNormalization, " + END, 0, "3 channels cannot be divided into 32 groups",
     "such as groups: 3"),
    ("GroupNormalization: 2, " + END, 0, "3 channels cannot be divided into 2 groups",
     "such as groups: 1"),
    ("GroupNormalization: 0, " + END, 0, "groups must be -1 or at least 1, found 0",
     ""),
    ("Residual: [Dense: 4], " + END, 0,
     "its layers give 32x32x4, but what goes in is 32x32x3: they cannot be added",
     "give it a shortcut: [Conv2D: {filters: 4, kernel_size: 1, strides: 1}]"),
    ("Residual: [MaxPooling2D], " + END, 0,
     "its layers give 16x16x3, but what goes in is 32x32x3: they cannot be added",
     "give it a shortcut: [Conv2D: {filters: 3, kernel_size: 1, strides: 2}]"),
    ("Residual: {layers: [MaxPooling2D], shortcut: [MaxPooling2D: 4]}, " + END, 0,
     "its layers give 16x16x3, but its shortcut gives 8x8x3: they cannot be added",
     "give it a shortcut: [Conv2D: {filters: 3, kernel_size: 1, strides: 2}]"),
    ("Residual: [ZeroPadding2D], " + END, 0,
     "its layers give 34x34x3, but what goes in is 32x32x3: they cannot be added",
     KEEP),
    ("Residual: [Conv2D: {filters: 3, kernel_size: 3}], " + END, 0,
     "its layers give 30x30x3, but what goes in is 32x32x3: they cannot be added",
     KEEP),
    ("Residual: [Flatten], " + END, 0,
     "its layers give (3072), but what goes in is 32x32x3: they cannot be added", KEEP),
    ("Flatten, Dense: 9", 1,
     "the network ends with 9 numbers; cifar10 needs 10, one for each class",
     "end with Dense: {units: 10, activation: softmax}"),
    ("Flatten, Dense: 1", 1,
     "the network ends with 1 number; cifar10 needs 10, one for each class",
     "end with Dense: {units: 10, activation: softmax}"),
    ("Flatten", 0,
     "the network ends with 3072 numbers; cifar10 needs 10, one for each class",
     "end with Dense: {units: 10, activation: softmax}"),
    ("Dense: 10", 0,
     "the network ends with maps of 32x32x10; cifar10 needs 10 numbers, one for each "
     "class",
     "put Flatten or GlobalAveragePooling2D before it, and end with Dense: {units: "
     "10, activation: softmax}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "index", "message", "hint"),
    COMPLAINTS,
    ids=[row[0].removesuffix(f", {END}") for row in COMPLAINTS],
)
def test_what_does_not_fit_is_told_at_its_layer(
    layers: str, index: int, message: str, hint: str, check: Check
) -> None:
    checked = check(f"model:\n  layers: [{layers}]\n")
    (problem,) = checked.problems
    assert problem.path == f"model.layers[{index}]"
    assert (problem.message, problem.hint) == (message, hint)
    assert checked.config is None


ACTIVATIONS = [
    ("Dense: {units: 4, activation: softmax}, Flatten, Dense: 10",
     "model.layers[0].Dense.activation",
     "softmax may stand in the last layer only; in the middle it would squeeze the "
     "signal to nothing", "use relu, say"),
    ("Activation: softmax, Flatten, Dense: 10", "model.layers[0].Activation",
     "softmax may stand in the last layer only; in the middle it would squeeze the "
     "signal to nothing", "use relu, say"),
    ("Residual: [Activation: softmax], Flatten, Dense: 10",
     "model.layers[0].Residual[0].Activation",
     "softmax may stand in the last layer only; in the middle it would squeeze the "
     "signal to nothing", "use relu, say"),
    ("Flatten, Dense: {units: 10, activation: softmax}, Dropout: 0.1",
     "model.layers[1].Dense.activation",
     "softmax may stand in the last layer only; in the middle it would squeeze the "
     "signal to nothing", "use relu, say"),
    ("Flatten, Dense: 10, Activation: relu", "model.layers[2].Activation",
     "the last layer gives one number for each class; relu would spoil them before "
     "the softmax", "use activation: softmax, or none: the softmax is then added"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "path", "message", "hint"), ACTIVATIONS, ids=[a[0] for a in ACTIVATIONS]
)
def test_softmax_stands_at_the_end_and_nothing_else_does(
    layers: str, path: str, message: str, hint: str, check: Check
) -> None:
    (problem,) = check(f"model:\n  layers: [{layers}]\n").problems
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)


@pytest.mark.parametrize(
    "end",
    ["Dense: 10", "Dense: {units: 10, activation: softmax}", "Dense: {units: 10, "
     "activation: linear}", "Dense: 10, Activation: softmax", "Dense: 10, "
     "Rescaling: 0.1"],
)  # fmt: skip
def test_these_ends_are_right(end: str, check: Check) -> None:
    assert check(f"model: {{layers: [Flatten, {end}]}}").problems == ()


def test_all_that_does_not_fit_is_told_at_once(check: Check) -> None:
    checked = check(
        "model:\n  layers:\n"
        "    - MaxPooling2D: 40\n"
        "    - GroupNormalization: 2\n"
        "    - Flatten\n"
        "    - Conv2D: {filters: 2, kernel_size: 1}\n"
        "    - Dense: 9\n"
    )
    assert [problem.line for problem in checked.problems] == [3, 4, 6, 7]


def test_a_name_given_twice_is_told_at_the_last_one(check: Check) -> None:
    (problem,) = check(
        "model:\n  layers:\n    - Dropout: {rate: 0.1, name: a}\n"
        "    - Residual: [Dropout: {rate: 0.1, name: a}]\n"
        "    - Flatten: {name: a}\n    - Dense: 10\n"
    ).problems
    assert (problem.line, problem.column) == (5, 7)
    assert problem.message == "3 layers are called 'a'; a name must be unique"
    assert problem.hint == "leave the names out: layers are numbered by themselves"


def test_a_repeated_layer_may_not_have_a_name(check: Check) -> None:
    (problem,) = check(
        "model: {layers: [Repeat: {times: 2, layers: [Dropout: {rate: 0.1, name: a}]}, "
        "Flatten, Dense: 10]}"
    ).problems
    assert problem.message == "2 layers are called 'a'; a name must be unique"


@pytest.mark.parametrize(
    ("layers", "parameters", "values"),
    [
        # 1,000,000 units on 3,072 numbers, and 10 on them.
        ("Flatten, Dense: 1000000, Dense: 10", "3,083,000,010", "1,000,000"),
        # 1,000,000 values at 32 * 32 places; few parameters.
        (
            "DepthwiseConv2D: {kernel_size: 1, depth_multiplier: 300000}, "
            "GlobalMaxPooling2D, Dense: 10",
            "10,800,010",
            "921,600,000",
        ),
    ],
)
def test_a_network_that_fits_no_memory_is_refused(
    layers: str, parameters: str, values: str, check: Check
) -> None:
    (problem,) = check(f"model:\n  layers: [{layers}]\n").problems
    assert (problem.path, problem.hint) == (
        "model.layers",
        "use fewer filters or units",
    )
    assert problem.message == (
        f"the network has {parameters} parameters and up to {values} values in one "
        "layer; at most 1,000,000,000 and 250,000,000 are allowed"
    )


@pytest.mark.parametrize(
    ("data", "units", "right"),
    [
        ("dataset: cifar100", 100, True),
        ("dataset: cifar100", 10, False),
        ("dataset: folder, path: p, classes: [a, b, c]", 3, True),
        ("dataset: folder, path: p, classes: [a, b, c]", 2, False),
        ("dataset: folder, path: p", 7, True),
        ("dataset: folder, path: p", 1, False),
    ],
)
def test_the_end_fits_the_classes(
    data: str, units: int, right: bool, check: Check
) -> None:
    text = f"data: {{{data}}}\nmodel: {{layers: [Flatten, Dense: {units}]}}"
    assert (check(text).problems == ()) is right


def test_a_folder_without_names_of_classes_needs_one_number_for_each(
    check: Check,
) -> None:
    text = "data: {dataset: folder, path: p}\nmodel: {layers: [Flatten, Dense: 1]}"
    (problem,) = check(text).problems
    assert problem.message == (
        "the network ends with 1 number; folder needs one for each class"
    )
    assert problem.hint == "end with Dense: {units: ..., activation: softmax}"


def test_shapes_start_from_the_images_of_the_data_set(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        DATASETS, "cifar10", DatasetFacts(DATASETS["cifar10"].class_names, (24, 48, 3))
    )
    checked = check(
        "model: {layers: [Conv2D: {filters: 8, kernel_size: 3}, MaxPooling2D, Flatten, "
        "Dense: 10]}"
    )
    assert checked.config is not None
    assert checked.config.image_shape == checked.summary.input_shape == (24, 48, 3)
    assert [row.output_shape for row in checked.summary.rows] == [
        (22, 46, 8), (11, 23, 8), (2024,), (10,),
    ]  # fmt: skip
