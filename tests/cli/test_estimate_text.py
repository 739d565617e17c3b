"""The line about how long a training takes."""

from __future__ import annotations

from typing import Any

import pytest

from cifarcnn.cli.estimate_text import describe_estimate
from cifarcnn.training.estimate import Duration, Estimate, exactly


def estimate(**changes: Any) -> Estimate:
    given = {
        "epoch": exactly(14.2),
        "whole": exactly(414.0),
        "memory_bytes": 1_230_000_000,
        "epochs": 28,
    }
    return Estimate(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "seeds", "text"),
    [
        ({}, 1, "about 14 s an epoch, 6.9 min in all, 1.2 GB of memory"),
        (
            {"goes_on": True},
            1,
            "about 14 s an epoch, 6.9 min for what is left, 1.2 GB of memory",
        ),
        (
            {"memory_bytes": 839_600_000},
            3,
            "about 14 s an epoch, 6.9 min in all, 21 min for the 3 seeds, 840 MB of "
            "memory",
        ),
        (
            {"epoch": Duration(3.0, 2.5, 3.7), "whole": Duration(90, 70, 120)},
            1,
            "about 2.5 to 3.7 s an epoch, 1.2 to 2.0 min in all, 1.2 GB of memory",
        ),
        # Nothing takes no time at all.
        (
            {"epoch": Duration(0.04, 0.02, 0.14), "whole": exactly(0.03)},
            1,
            "about 0.1 s an epoch, 0.1 s in all, 1.2 GB of memory",
        ),
        # That they lie so near is nothing to tell.
        (
            {"epoch": Duration(100.0, 95.0, 110.0), "memory_bytes": None},
            1,
            "about 1.7 min an epoch, 6.9 min in all",
        ),
        (
            {"fine_tuned_from": 5, "stops_early": True},
            3,
            "about 14 s an epoch, at most 6.9 min up to the fine-tuning from epoch 5 "
            "on, 1.2 GB of memory",
        ),
        (
            {"max_minutes": 2.5, "whole": exactly(3 * 3600)},
            1,
            "about 14 s an epoch, 3.0 h in all, 1.2 GB of memory; "
            "training.max_minutes ends it after 2.5 min",
        ),
        (
            {"max_minutes": 7.0},
            1,
            "about 14 s an epoch, 6.9 min in all, 1.2 GB of memory",
        ),
    ],
)
def test_the_line(changes: dict[str, Any], seeds: int, text: str) -> None:
    assert describe_estimate(estimate(**changes), seeds) == text
