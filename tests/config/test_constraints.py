"""What a constraint may say, and where a mistake in it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cifarcnn.config.constraints import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from cifarcnn.config.named_choice import external

if TYPE_CHECKING:
    from conftest import Check


@pytest.mark.parametrize(
    ("written", "constraint"),
    [
        ("max_norm", MaxNorm(max_value=2.0, axis=0)),
        ("{MaxNorm: 3}", MaxNorm(max_value=3.0, axis=0)),
        ("{max_norm: {max_value: 3, axis: [0, 1, 2]}}", MaxNorm(max_value=3.0,
                                                               axis=[0, 1, 2])),
        ("NonNeg", NonNeg()),
        ("{UnitNorm: {axis: 3}}", UnitNorm(axis=3)),
        ("{MinMaxNorm: {min_value: 0.5, rate: 0.25}}",
         MinMaxNorm(min_value=0.5, rate=0.25)),
        ("null", None),
    ],
)  # fmt: skip
def test_a_constraint_is_read_and_written_out(
    written: str, constraint: object, check: Check
) -> None:
    text = (
        "model: {layers: [Conv2D: {filters: 2, kernel_size: 3, kernel_constraint: "
        f"{written}}}, Flatten, Dense: 10]}}"
    )
    config = check(text).config
    assert config is not None
    assert config.model.layers[0].kernel_constraint == constraint
    assert check(config.to_yaml()).config == config
    expected = [0, 1, 2] if "[0, 1, 2]" in written else [0]
    if isinstance(constraint, MaxNorm):
        assert external(constraint)["MaxNorm"]["axis"] == expected


PROBLEMS = [
    ("Dense: {units: 3, kernel_constraint: {MaxNorm: {axis: 2}}}",
     "Dense.kernel_constraint.MaxNorm.axis",
     "expected axes from 0 to 1 of these weights, found 2"),
    ("Conv2D: {filters: 3, kernel_size: 1, kernel_constraint: {UnitNorm: {axis: [0, "
     "-1]}}}", "Conv2D.kernel_constraint.UnitNorm.axis",
     "expected axes from 0 to 3 of these weights, found -1"),
    ("DepthwiseConv2D: {kernel_size: 3, depthwise_constraint: {MinMaxNorm: {axis: 4}}}",
     "DepthwiseConv2D.depthwise_constraint.MinMaxNorm.axis",
     "expected axes from 0 to 3 of these weights, found 4"),
    ("BatchNormalization: {gamma_constraint: {MaxNorm: {axis: 1}}}",
     "BatchNormalization.gamma_constraint.MaxNorm.axis",
     "expected axis 0 of these weights, found 1"),
    ("Dense: {units: 3, bias_constraint: {MaxNorm: {axis: true}}}",
     "Dense.bias_constraint.MaxNorm.axis",
     "expected a whole number or a list of them, found true"),
    ("PReLU: {shared_axes: []}", "PReLU.shared_axes",
     "expected a whole number or a list of them, found an empty list"),
    ("Dense: {units: 3, kernel_constraint: {MaxNorm: 0}}",
     "Dense.kernel_constraint.MaxNorm", "expected a number above 0, found 0"),
    ("Dense: {units: 3, kernel_constraint: MaxNrm}", "Dense.kernel_constraint",
     "there is no constraint 'MaxNrm'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "path", "message"), PROBLEMS, ids=[row[0] for row in PROBLEMS]
)
def test_a_mistake_is_told_at_its_place(
    layer: str, path: str, message: str, check: Check
) -> None:
    (problem,) = check(f"model: {{layers: [{layer}, Flatten, Dense: 10]}}").problems
    assert problem.path == f"model.layers[0].{path}"
    assert problem.message == message
