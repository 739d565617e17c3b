"""Which known name a misspelt one was probably meant to be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

SHORTEST_BEGINNING = 4
_MOST_BEGINNINGS = 3
_LETTERS_PER_SLIP = 4
_MOST_SLIPS = 2


@lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """Letters and digits alone, all small: ``MaxPooling2D``, ``max_pooling_2d``."""
    return re.sub("[^a-z0-9]", "", name.lower())


def find_near(found: str, known: Iterable[str]) -> list[str]:
    """The names that a slip of the fingers may have turned into ``found``.

    One where it differs by case, underscores and hyphens alone, or by one letter that
    is too much, missing, wrong or exchanged with the next (two in eight letters and
    more); else up to three that begin with it, or the one whose words do, as in ``bs``.
    """
    names, folded = sorted(known), fold(found)
    if not folded:
        return []
    slips = {name: _count_slips(folded, fold(name)) for name in names}
    allowed = min(_MOST_SLIPS, max(1, len(folded) // _LETTERS_PER_SLIP))
    best = min(slips.values(), default=allowed + 1)
    longer = [name for name in names if fold(name).startswith(folded)]
    is_beginning = len(folded) >= SHORTEST_BEGINNING and 0 < len(longer)
    is_beginning = is_beginning and len(longer) <= _MOST_BEGINNINGS
    if best and is_beginning and len(longer) > 1:
        return longer
    # Two letters say too little.
    if best == 0 or (best <= allowed and len(folded) > 2):
        return [min(names, key=lambda name: slips[name])]
    if is_beginning:
        return longer
    initials = ["".join(word[:1] for word in name.split("_")) for name in names]
    return [names[initials.index(found)]] if found in initials and found[1:] else []


def nearest(found: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant, or None where none or several are near."""
    near = find_near(found, known)
    return near[0] if len(near) == 1 else None


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """``did you mean ...?``, or nothing where nothing is near."""
    near = find_near(found, known)
    return f"did you mean {' or '.join(near)}?" if near else ""


def suggest(found: str, known: Iterable[str]) -> str:
    """``did you mean ...?`` when something is near, else all that there is."""
    names = sorted(known)
    return did_you_mean(found, names) or (f"known: {', '.join(names)}" if names else "")


def _count_slips(a: str, b: str) -> int:
    """Insertions, deletions, substitutions, and exchanges of neighbours, from a to b.

    The optimal string alignment distance; 3 stands for all above 2.
    """
    if abs(len(a) - len(b)) > _MOST_SLIPS:
        return _MOST_SLIPS + 1
    before, row = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        older, before = before, row
        row = [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j], row[j - 1]) + 1
            cost = min(cost, before[j - 1] + (char != other))
            if i > 1 and j > 1 and (char, a[i - 2]) == (b[j - 2], other):
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > _MOST_SLIPS:
            return _MOST_SLIPS + 1
    return row[-1]
