"""What differs between two configs, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cifarcnn.config.yaml_text import dump
from cifarcnn.config.yaml_tree import join

_MISSING = object()


@dataclass(frozen=True)
class Difference:
    """One value that two configs do not share.

    Attributes:
        path: The dotted way to it, such as ``training.batch_size``.
        before: In the first config, for people; ``nothing`` where it has none.
        after: In the second.
    """

    path: str
    before: str
    after: str


def find_differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Every value that differs, in the order of the first config.

    Args:
        before: The plain values of a config: mappings, lists, numbers and words.
        after: Those of another.
        path: The dotted way to both.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from find_differences(
                before.get(key, _MISSING), after.get(key, _MISSING), join(path, key)
            )
    elif (
        isinstance(before, list)
        and isinstance(after, list)
        and len(before) == len(after)
    ):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from find_differences(old, new, join(path, number))
    elif before != after or type(before) is not type(after):
        yield Difference(path, _show(before), _show(after))


def _show(value: Any) -> str:
    if value is _MISSING:
        return "nothing"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"{{{', '.join(value)}}}"
    return dump(value).removesuffix("...\n").strip()
