"""What may not vary in a search, since it would leave nothing to compare, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cifarcnn.config.named_choice import external
from cifarcnn.config.schema import Config

_PICTURES = "trials would be judged on other pictures"
_LUCK = "one seed is better than another by luck"
_JUDGED = "it says how a training is judged, not how it is done"
_MACHINE = "it changes no result"

FIXED_KEYS: dict[tuple[str, ...], str] = {
    ("name",): "it is what the runs are called",
    ("data", "dataset"): _PICTURES,
    ("data", "path"): _PICTURES,
    ("data", "fetch"): _MACHINE,
    ("data", "sources"): _MACHINE,
    ("data", "classes"): _PICTURES,
    ("data", "validation_fraction"): _PICTURES,
    ("data", "fold"): _PICTURES,
    ("data", "test_fraction"): _PICTURES,
    ("data", "damaged"): _PICTURES,
    ("data", "duplicates"): _PICTURES,
    ("training", "backend"): _MACHINE,
    ("training", "devices"): _MACHINE,
    ("training", "jit_compile"): _MACHINE,
    ("training", "steps_per_execution"): _MACHINE,
    ("training", "checkpoint_minutes"): _MACHINE,
    ("training", "max_minutes"): "a training that it ends is not finished",
    ("training", "best_by"): _JUDGED,
    ("training", "weights"): _JUDGED,
    ("training", "tracking"): _MACHINE,
    ("training", "seed"): _LUCK,
    ("training", "deterministic"): _MACHINE,
    ("evaluation",): _JUDGED,
}


def find_fixed(steps: Sequence[str | int]) -> tuple[tuple[str, ...], str] | None:
    """The fixed key that a way ends at or passes through, and why it is fixed."""
    for key, reason in FIXED_KEYS.items():
        if tuple(steps[: len(key)]) == key:
            return key, reason
    return None


def find_changed(before: Config, after: Config) -> tuple[tuple[str, ...], str] | None:
    """The first fixed key in which two configs differ, and why it is fixed."""
    for key, reason in FIXED_KEYS.items():
        if _value_at(before, key) != _value_at(after, key):
            return key, reason
    return None


def comparable(config: Config) -> dict[str, Any]:
    """The plain values of a config, but for what may differ from machine to machine."""
    plain: dict[str, Any] = external(config)
    of_machine = [key for key, reason in FIXED_KEYS.items() if reason == _MACHINE]
    if config.data.dataset != "folder":
        of_machine.append(("data", "path"))
    for section, key in [*of_machine, ("training", "max_minutes")]:
        del plain[section][key]
    del plain["name"]
    return plain


def _value_at(config: Config, key: Sequence[str]) -> Any:
    value: Any = config
    for step in key:
        value = getattr(value, step)
    return value
