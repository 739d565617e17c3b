"""The ways to write a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cifarcnn.config import load_config
from cifarcnn.config.learning_rate_schedules import (
    CosineDecayRestarts,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    Schedule,
)

if TYPE_CHECKING:
    from conftest import Check

MODEL = "model: {layers: [Flatten, {Dense: 10}]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "PiecewiseConstantDecay: {at_epochs: [4, 7.5], values: [1, 0.1, 3e-3]}",
            PiecewiseConstantDecay(at_epochs=[4.0, 7.5], values=[1.0, 0.1, 0.003]),
        ),
        (
            "InverseTimeDecay: 1e-6",
            InverseTimeDecay(decay_rate=1e-6, decay_steps=1, staircase=False),
        ),
        (
            "cosine_decay_restarts: 5",
            CosineDecayRestarts(
                first_decay_epochs=5.0, t_mul=2.0, m_mul=1.0, final_fraction=0.0
            ),
        ),
    ],
)
def test_each_is_read_and_reads_back_what_it_writes(
    check: Check, tmp_path, text: str, expected: Schedule
) -> None:
    checked = check(f"training: {{learning_rate_schedule: {{{text}}}}}\n{MODEL}")
    assert checked.config is not None
    assert checked.config.training.learning_rate_schedule == expected
    path = tmp_path / "written.yaml"
    path.write_text(checked.config.to_yaml())
    assert load_config(path) == checked.config


def test_the_values_take_the_place_of_the_rate_of_the_optimizer() -> None:
    own = PiecewiseConstantDecay(at_epochs=[4], values=[0.5, 0.1])
    assert own.full_rate(0.01) == 0.5
    assert InverseTimeDecay(decay_rate=0.1).full_rate(0.01) == 0.01
