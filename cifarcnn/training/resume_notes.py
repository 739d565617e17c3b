"""What is different for a training that goes on, told to the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cifarcnn.config import Config
from cifarcnn.config.diff import find_differences
from cifarcnn.training.learning_rate_schedules import is_planned


def describe_new_plan(
    config: Config, rate_before: float | None, rate_after: float
) -> str:
    """What another number of epochs means for the learning rate, as a sentence.

    Args:
        config: With the new number.
        rate_before: Of the last step of the last finished epoch, if there is one.
        rate_after: Of the next one.
    """
    training = config.training
    schedule = training.learning_rate_schedule
    averaging = (
        " Lookahead's share grows by the new plan too."
        if training.averaging is not None and training.averaging.type == "Lookahead"
        else ""
    )
    if not is_planned(schedule):
        return f"the learning rate goes on at {rate_after:.3g}.{averaging}"
    before = "" if rate_before is None else f", after {rate_before:.3g} by the old plan"
    return (
        f"{schedule.type} is planned anew over {training.epochs} epochs: the next step "
        f"has a learning rate of {rate_after:.3g}{before}. It will not come to what "
        f"{training.epochs} epochs from the beginning come to.{averaging}"
    )


def describe_environment_change(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> str | None:
    """Why the numbers may differ from those of an uninterrupted training.

    Args:
        before: The content of ``environment.json``, as far as it can be understood.
        now: What it would be now.

    Returns:
        A sentence; ``None`` when nothing that matters is different.
    """
    found = []
    for key in ("versions", "device", "precision"):
        for item in find_differences(before.get(key), now.get(key), key):
            if item.path != "device.note":
                found.append(f"{item.path} was {item.before}, is {item.after} now")
    if not found:
        return None
    return (
        f"{'; '.join(found)}: the results may differ in their last digits from those "
        "of a training without interruption"
    )
