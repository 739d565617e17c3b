"""What differs between two configs, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cifarcnn.config.alignment import align, are_named
from cifarcnn.config.plain_layers import shorten
from cifarcnn.config.yaml_text import dump, dump_inline
from cifarcnn.config.yaml_tree import join

NOTHING = "nothing"
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


def find_differences(
    before: Any, after: Any, path: str = "", *, aligned: bool = False
) -> Iterator[Difference]:
    """Every value that differs, in the order of the first config.

    Args:
        before: The plain values of a config: mappings, lists, numbers and words.
        after: Those of another.
        path: The dotted way to both.
        aligned: Whether of layers those that belong together are compared, wherever
            some were added or left out: ``layers[1]+2`` is the second one that was
            added behind ``layers[1]``.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from find_differences(
                before.get(key, _MISSING),
                after.get(key, _MISSING),
                join(path, key),
                aligned=aligned,
            )
    elif aligned and are_named(before) and are_named(after):
        for place, old, new in _pair_layers(before, after, path):
            yield from find_differences(old, new, place, aligned=True)
    elif (
        isinstance(before, list)
        and isinstance(after, list)
        and len(before) == len(after)
    ):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from find_differences(old, new, join(path, number), aligned=aligned)
    elif before != after or type(before) is not type(after):
        yield Difference(path, _show(before, aligned), _show(after, aligned))


def _pair_layers(
    before: list[Any], after: list[Any], path: str
) -> Iterator[tuple[str, Any, Any]]:
    last, added = -1, 0
    for old, new in align(before, after):
        if old is None:
            added += 1
            place = f"{join(path, last)}+{added}"
        else:
            last, added = old, 0
            place = join(path, old)
        yield (
            place,
            _MISSING if old is None else before[old],
            _MISSING if new is None else after[new],
        )


def _show(value: Any, aligned: bool) -> str:
    if value is _MISSING:
        return NOTHING
    if aligned and isinstance(value, list):
        return dump_inline(shorten(value))
    if aligned and are_named([value]):
        text = dump_inline(shorten(value))
        return text.removeprefix("{").removesuffix("}").removesuffix(": {}")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"{{{', '.join(value)}}}"
    return dump(value).removesuffix("...\n").strip()
