"""Numbers as the page shows them: rounded, and still adding up."""

from __future__ import annotations

import math
from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"


def choose_decimals(largest: float, significant: int = 4) -> int:
    """How many decimals show ``significant`` digits of the largest number, 0 to 6."""
    if not math.isfinite(largest) or largest <= 0:
        return significant - 1
    return min(max(significant - 1 - math.floor(math.log10(largest)), 0), 6)


def show(value: float, decimals: int = 3) -> str:
    """A number with a fixed number of decimals and a real minus; never ``-0.000``."""
    text = f"{value:,.{decimals}f}"
    if text.startswith("-"):
        text = MINUS + text[1:] if text.strip("-0.,") else text[1:]
    return text


def show_percent(share: float) -> str:
    """A share of 1 as a percentage; one that is small but not 0 never looks like 0."""
    if 0 < share < 0.0005:
        return "< 0.1%"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return f"{100 * share:.1f}%"


def show_size(shape: Sequence[int]) -> str:
    """``30 x 30 x 32`` with real multiplication signs, without blanks."""
    return TIMES.join(f"{length:,}" for length in shape)


def round_to_total(
    terms: Sequence[float], total: float, decimals: int
) -> tuple[list[float], float]:
    """Round the terms of a sum so that they add up to the rounded total.

    Every term goes to one of its two neighbours with so many decimals; those with the
    largest remainders go up (the method by which seats of a parliament are divided).

    Args:
        terms: What is added.
        total: Their sum, but for rounding errors far below the last decimal.
        decimals: How many to keep.

    Returns:
        The rounded terms and the rounded total. Where the total is not the sum of the
        terms, each is simply rounded.
    """
    scale = 10**decimals
    floors = [math.floor(term * scale) for term in terms]
    whole = math.floor(total * scale + 0.5)
    missing = whole - sum(floors)
    if not 0 <= missing <= len(terms):
        return [round(term, decimals) for term in terms], whole / scale
    rests = [term * scale - floor for term, floor in zip(terms, floors, strict=True)]
    upwards = sorted(range(len(terms)), key=lambda place: -rests[place])[:missing]
    for place in upwards:
        floors[place] += 1
    return [floor / scale for floor in floors], whole / scale
