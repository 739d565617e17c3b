"""Layers that join branches: their shapes, what does not fit, blocks within them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cifarcnn.config import summarize
from cifarcnn.config.layers.merging import Concatenate, Multiply

if TYPE_CHECKING:
    from conftest import Check

END = "Flatten, Dense: 10"
CONV = "Conv2D: {filters: 5, kernel_size: 3, padding: same}"

SHAPES = [
    (f"Concatenate: [[], [{CONV}]]", (32, 32, 8)),
    (f"Concatenate: {{branches: [[{CONV}], [], [{CONV}]]}}", (32, 32, 13)),
    ("Concatenate: [[GlobalMaxPooling2D], [GlobalAveragePooling2D]]", (6,)),
    (f"Multiply: [[{CONV}], [Conv2D: {{filters: 1, kernel_size: 1}}]]", (32, 32, 5)),
    # One factor for each channel, as maps of one cell or as a row.
    ("Multiply: [[], [GlobalMaxPooling2D: {keepdims: true}]]", (32, 32, 3)),
    ("Multiply: [[GlobalMaxPooling2D, Dense: 3], []]", (32, 32, 3)),
    # A height by a width, and more factors than maps to begin with.
    ("Multiply: [[AveragePooling2D: [32, 1]], [AveragePooling2D: [1, 32]]]",
     (32, 32, 3)),
    ("Multiply: [[Dense: 1], [GlobalAveragePooling2D, Dense: 7]]", (32, 32, 7)),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape"), SHAPES, ids=[s for s, _ in SHAPES])
def test_the_shape_of_what_is_joined(
    layer: str, shape: tuple[int, ...], check: Check
) -> None:
    checked = check(f"model: {{layers: [{layer}, {END}]}}")
    assert [str(problem) for problem in checked.problems] == []
    row = next(row for row in checked.summary.rows if row.depth == 0)
    assert (row.output_shape, row.parameters, row.macs) == (shape, 0, 0)
    assert row.type == layer.split(":")[0]
    assert checked.config is not None
    # The layer by itself says the same.
    assert checked.config.model.layers[0].output_shape((32, 32, 3)) == shape


def test_what_a_concatenation_and_a_product_keep_for_the_gradient(check: Check) -> None:
    checked = check(
        "model:\n  layers:\n"
        "    - Conv2D: {filters: 4, kernel_size: 1}\n"  # taken by a normalization
        "    - Concatenate: [[], [BatchNormalization, Dense: 2]]\n"  # by the next
        "    - Concatenate: [[BatchNormalization, Activation: relu], []]\n"
        "    - Multiply: [[Conv2D: {filters: 2, kernel_size: 1}], [GlobalMaxPooling2D,"
        " Dense: 2]]\n"
        "    - Dropout: 0.5\n    - Flatten\n    - Dense: 10\n"
    )
    kept = [row.name for row in checked.summary.rows if row.kept]
    assert kept == [
        "conv2d_1", "concatenate_1", "activation_1", "concatenate_2", "conv2d_2",
    ]  # fmt: skip


NAMED = "found a mapping of Dense"
BRACKETS = "put it into brackets, such as [Conv2D: {...}]; [] gives the input itself"
BRANCH = "expected a branch, which is a list of layers"
NO_LAYERS = (
    "has no argument 'layers': it joins branches, each a list of layers"
)  # fmt: skip
PROBLEMS = [
    ("Concatenate: [[], [Conv2D: {filters: 3, kernel_size: 3}]]", "Concatenate[1]",
     "this branch gives 30x30x3, which cannot be concatenated with 32x32x3",
     "use padding: same in it, and the strides of the other branches"),
    ("Concatenate: {branches: [[MaxPooling2D], [MaxPooling2D], []]}",
     "Concatenate.branches[2]",
     "the input itself is 32x32x3, which cannot be concatenated with 16x16x3",
     "give it MaxPooling2D: {pool_size: 2, padding: same}"),
    ("Concatenate: [[Dense: 4], [MaxPooling2D: 4], []]", "Concatenate[1]",
     "this branch gives 8x8x3, which cannot be concatenated with 32x32x4",
     "use strides: 1 and padding: same in it, or end it with UpSampling2D: 4"),
    ("Concatenate: [[MaxPooling2D: 3], [MaxPooling2D: {pool_size: 3, padding: same}]]",
     "Concatenate[1]",
     "this branch gives 11x11x3, which cannot be concatenated with 10x10x3",
     "use padding: same in it, and the strides of the other branches"),
    ("Concatenate: [[Flatten], [], [Dropout: 0.1, GlobalMaxPooling2D]]",
     "Concatenate[1]",
     "the input itself is 32x32x3, which cannot be concatenated with (3072)",
     "give it Flatten or GlobalAveragePooling2D"),
    ("Concatenate: [[], [Flatten]]", "Concatenate[1]",
     "this branch gives (3072), which cannot be concatenated with 32x32x3",
     "let all branches give maps, or all of them rows of numbers"),
    ("Multiply: [[], [GlobalMaxPooling2D, Dense: 8]]", "Multiply[1]",
     "this branch gives (8), which cannot be multiplied with 32x32x3",
     "end it with Dense: 3"),
    ("Multiply: [[Dense: 4], [], [GlobalMaxPooling2D: {keepdims: true}, Dense: 4]]",
     "Multiply[1]", "the input itself is 32x32x3, which cannot be multiplied with "
     "32x32x4", "give it Conv2D: {filters: 4, kernel_size: 1}"),
    ("Multiply: [[], [MaxPooling2D]]", "Multiply[1]",
     "this branch gives 16x16x3, which cannot be multiplied with 32x32x3",
     "use strides: 1 and padding: same in it, or end it with UpSampling2D: 2"),
    ("Multiply: [[], [Conv2D: {filters: 3, kernel_size: 1, padding: sam}]]",
     "Multiply[1][0].Conv2D.padding", "expected one of valid, same; found 'sam'",
     "did you mean same?"),
    ("Concatenate: [[], [Flatten, MaxPooling2D]]", "Concatenate[1][1]",
     "MaxPooling2D needs maps (height, width, channels), but what reaches it is flat: "
     "(3072)", "move it before the Flatten or global pooling"),
    ("Concatenate: [[], [Activation: softmax]]", "Concatenate[1][0].Activation",
     "softmax may stand in the last layer only; in the middle it would squeeze the "
     "signal to nothing", "use relu, say"),
    ("Concatenate: [[Dense: 3]]", "Concatenate",
     "expected at least 2 branches, found 1", "add one; [] gives the input itself"),
    ("Multiply: {branches: []}", "Multiply.branches",
     "expected at least 2 branches, found 0", "add one; [] gives the input itself"),
    ("Concatenate: [[], Dense: 4]", "Concatenate[1]", f"{BRANCH}, {NAMED}", BRACKETS),
    ("Multiply: [[], Flatten]", "Multiply[1]", f"{BRANCH}, found 'Flatten'", BRACKETS),
    ("Multiply: 3", "Multiply", "expected a list, found 3", ""),
    ("Concatenate: {branches: [[], []], axis: 3}", "Concatenate.axis",
     "Concatenate has no argument 'axis'",
     "leave it out: it is the last axis, the channels"),
    ("Concatenate: {layers: [Dense: 4]}", "Concatenate.layers",
     f"Concatenate {NO_LAYERS}",
     "write branches: [[], [...]] with these layers in the second list; [] gives the "
     "input itself"),
    ("Multiply: {layers: [[], [Dense: 3]]}", "Multiply.layers", f"Multiply {NO_LAYERS}",
     "the argument is called branches"),
    ("Concatenate: {branchs: [[], []]}", "Concatenate.branchs",
     "Concatenate has no argument 'branchs'", "did you mean branches?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "path", "message", "hint"), PROBLEMS, ids=[row[0] for row in PROBLEMS]
)
def test_what_does_not_fit_is_told_at_its_branch(
    layer: str, path: str, message: str, hint: str, check: Check
) -> None:
    (problem,) = check(f"model:\n  layers: [{layer}, {END}]\n").problems
    assert problem.path == f"model.layers[0].{path}"
    assert (problem.message, problem.hint) == (message, hint)


def test_every_branch_that_does_not_fit_is_told_at_once(check: Check) -> None:
    problems = check(
        "model:\n  layers:\n    - Concatenate:\n        - [Dropout: 0.1]\n"
        "        - [MaxPooling2D]\n        - []\n        - [Flatten]\n"
        "    - Flatten\n    - Dense: 10\n"
    ).problems
    assert [(problem.line, problem.column) for problem in problems] == [
        (5, 11),
        (7, 11),
    ]


def test_blocks_repeats_and_residuals_stand_within_branches(check: Check) -> None:
    checked = check(
        "blocks:\n"
        "  unit:\n"
        "    parameters: {growth: null, name: other}\n"
        "    layers:\n"
        "      - Concatenate:\n"
        "          name: $name\n"
        "          branches:\n"
        "            - []\n"
        "            - - Repeat:\n"
        "                  times: 2\n"
        "                  layers: [conv: {filters: $growth}]\n"
        "  conv:\n"
        "    parameters: {filters: null}\n"
        "    layers:\n"
        "      - Conv2D: {filters: $filters, kernel_size: 1}\n"
        "      - BatchNormalization\n"
        "model:\n"
        "  layers:\n"
        "    - unit: {growth: 2, name: first}\n"
        "    - Residual: [Multiply: [[], [GlobalMaxPooling2D, Dense: {units: 5, name: "
        "gate}]]]\n"
        "    - Multiply: [[unit: {growth: 4}], [conv: {filters: 9}]]\n"
        "    - Flatten\n    - Dense: 10\n"
    )
    assert [str(problem) for problem in checked.problems] == []
    rows = [(row.name, row.output_shape[-1], row.depth) for row in checked.summary.rows]
    assert rows == [
        ("conv2d_1", 2, 1), ("batch_normalization_1", 2, 1),
        ("conv2d_2", 2, 1), ("batch_normalization_2", 2, 1), ("first", 5, 0),
        ("global_max_pooling2d_1", 5, 2), ("gate", 5, 2), ("multiply_1", 5, 1),
        ("residual_1", 5, 0),
        ("conv2d_3", 4, 2), ("batch_normalization_3", 4, 2),
        ("conv2d_4", 4, 2), ("batch_normalization_4", 4, 2), ("other", 9, 1),
        ("conv2d_5", 9, 1), ("batch_normalization_5", 9, 1), ("multiply_2", 9, 0),
        ("flatten_1", 9216, 0), ("dense_1", 10, 0),
    ]  # fmt: skip
    assert checked.config is not None
    # Written out it is the same config.
    again = check(checked.config.to_yaml())
    assert again.config == checked.config


def test_six_branches_within_branches_can_be_read_back(check: Check) -> None:
    layer = "Dense: {units: 3, kernel_initializer: {Constant: {value: 0.5}}}"
    for _ in range(6):
        layer = f"Concatenate: {{branches: [[], [{layer}]]}}"
    checked = check(f"model: {{layers: [{layer}, {END}]}}")
    assert checked.config is not None
    assert check(checked.config.to_yaml()).config == checked.config
    (problem,) = check(
        f"blocks: {{a: {{layers: [{layer}]}}}}\n"
        f"model: {{layers: [Multiply: [[], [a]], {END}]}}"
    ).problems
    assert problem.message == (
        "written out, the config has more than 24 levels of branches"
    )


def test_names_within_branches_must_be_unique(check: Check) -> None:
    (problem,) = check(
        "model: {layers: [Concatenate: [[Dense: {units: 2, name: a}], [Dense: {units: "
        f"2, name: a}}]], {END}]}}"
    ).problems
    assert problem.path == "model.layers[0].Concatenate[1][0]"
    assert problem.message == "2 layers are called 'a'; a name must be unique"


def test_weights_within_branches_can_be_named_in_patterns(check: Check) -> None:
    text = (
        f"model: {{layers: [Multiply: [[], [Dense: {{units: 3, name: gate}}]], {END}]}}"
    )
    checked = check(text, "training.learning_rate_multipliers={gate/bias: 64}")
    assert checked.config is not None
    assert summarize(checked.config).parameters == 3 * 3 + 3 + 3072 * 10 + 10


@pytest.mark.parametrize("kind", [Concatenate, Multiply])
def test_a_bare_name_says_what_it_needs(
    kind: type[Concatenate | Multiply], check: Check
) -> None:
    (problem,) = check(f"model: {{layers: [{kind.__name__}, {END}]}}").problems
    assert problem.message == f"{kind.__name__} needs 'branches'"
