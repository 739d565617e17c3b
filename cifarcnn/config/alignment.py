"""Which items of two lists of layers belong together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, TypeAlias

# Places in both lists; None: the item has no partner there.
Pair: TypeAlias = tuple[int | None, int | None]


def are_named(items: Any) -> bool:
    """Whether it is a list of named things, each as in ``{Conv2D: {filters: 32}}``."""
    return isinstance(items, list) and all(
        isinstance(item, dict)
        and len(item) == 1
        and isinstance(next(iter(item.values())), dict)
        for item in items
    )


def align(before: Sequence[Any], after: Sequence[Any]) -> Iterator[Pair]:
    """The items in order, equal ones and those of the same name side by side.

    As few as possible are changed, left out or added; one of another name is left out
    and added.

    Args:
        before: Items for which :func:`are_named` is true.
        after: Likewise.
    """
    old, new = [[*map(json.dumps, items)] for items in (before, after)]
    costs = {(len(old), len(new)): 0}
    for i, j in product(range(len(old), -1, -1), range(len(new), -1, -1)):
        ways = [
            1 + costs[place] for place in ((i + 1, j), (i, j + 1)) if place in costs
        ]
        if i < len(old) and j < len(new) and list(before[i]) == list(after[j]):
            ways.append((old[i] != new[j]) + costs[i + 1, j + 1])
        if ways:
            costs[i, j] = min(ways)
    i = j = 0
    while (i, j) != (len(old), len(new)):
        cost = costs[i, j]
        if i < len(old) and j < len(new) and list(before[i]) == list(after[j]):
            if cost == (old[i] != new[j]) + costs[i + 1, j + 1]:
                yield i, j
                i, j = i + 1, j + 1
                continue
        if cost == 1 + costs.get((i + 1, j), cost):
            yield i, None
            i += 1
        else:
            yield None, j
            j += 1
