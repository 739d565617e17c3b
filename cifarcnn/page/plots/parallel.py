"""Parallel coordinates: an upright axis for each setting, a line for each trial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cifarcnn.page.plots.axes import Axis, power_ticks, round_ticks, whole_ticks
from cifarcnn.page.plots.svg import frame, line, shorten, text

_COLUMN, _TOP, _HIGH, _BOTTOM = 164.0, 44.0, 230.0, 16.0
_LEFT = 132.0
# Colours from the lowest to the highest value.
LEVELS = 5
# So near to an end no other tick has room.
_LEAST_GAP = 0.09


@dataclass(frozen=True)
class ParallelAxis:
    """One setting.

    Attributes:
        name: Above the axis.
        low: The value at its lower end; of choices 0.
        high: At its upper end, above ``low``; of choices the number of the last.
        logarithmic: Whether equal distances are equal factors.
        is_whole: Whether only whole numbers occur.
        percent: Whether values are shares of 1.
        choices: What the numbers from 0 on stand for; empty where they are numbers.
    """

    name: str
    low: float
    high: float
    logarithmic: bool = False
    is_whole: bool = False
    percent: bool = False
    choices: Sequence[str] = ()

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the lower end, 1 at the upper one."""
        return Axis("", [self.low, self.high], logarithmic=self.logarithmic).share(
            value
        )

    def ticks(self) -> list[tuple[float, str]]:
        """Where a tick lies, and what stands beside it."""
        if self.choices:
            return [(self.share(n), shorten(c, 17)) for n, c in enumerate(self.choices)]
        if self.logarithmic:
            inner = power_ticks(self.low, self.high)
        elif self.is_whole:
            inner = whole_ticks(int(self.low), int(self.high))
        else:
            inner = round_ticks(self.low, self.high)
        gap = _LEAST_GAP
        inner = [n for n in inner if self.low < n < self.high]
        kept = [n for n in inner if gap < self.share(n) < 1 - gap]
        ticks = [self.low, *kept, self.high]
        axis = Axis("", ticks, percent=self.percent)
        return [(self.share(n), axis.words(float(f"{n:.4g}"))) for n in ticks]


@dataclass(frozen=True)
class ParallelLine:
    """One trial.

    Attributes:
        values: On each axis; ``None`` where it has none.
        result: What it came to; ``None`` without.
    """

    values: Sequence[float | None]
    result: float | None


def draw_parallel(
    axes: Sequence[ParallelAxis], lines: Sequence[ParallelLine], name: str
) -> Markup:
    """A line for each trial over all settings to its result, which is its colour.

    Args:
        axes: One for each setting, at least one.
        lines: At least one of them has a result, 0 to 1.
        name: Of the results.
    """
    known = [each.result for each in lines if each.result is not None]
    low, high = min(known), max(known)
    spread = (low, high) if high > low else (low - 0.01, high + 0.01)
    last = ParallelAxis(name, *spread, percent=True)
    parts = []
    # The best are drawn last, above all others.
    for each in sorted(lines, key=lambda each: each.result or -math.inf):
        share = None if each.result is None else last.share(each.result)
        places = [
            (_LEFT + _COLUMN * number, _height(axis.share(value)))
            for number, (axis, value) in enumerate(
                zip([*axes, last], [*each.values, each.result], strict=True)
            )
            if value is not None
        ]
        parts.append(line(places, f"trial {_level(share)}"))
    for number, axis in enumerate([*axes, last]):
        parts += _draw_axis(axis, _LEFT + _COLUMN * number)
    x = _LEFT + _COLUMN * len(axes)
    for number in range(LEVELS):
        ends = (_height(number / LEVELS), _height((number + 1) / LEVELS))
        parts.append(line([(x, y) for y in ends], f"scale level-{number + 1}"))
    width, height = x + 24, _TOP + _HIGH + _BOTTOM
    return frame(width, height, _describe(axes, lines, name, low, high), parts)


def _height(share: float) -> float:
    return _TOP + _HIGH * (1 - share)


def _level(share: float | None) -> str:
    if share is None:
        return "without"
    return f"level-{min(int(share * LEVELS), LEVELS - 1) + 1}"


def _draw_axis(axis: ParallelAxis, x: float) -> Iterator[Markup]:
    yield line([(x, _height(0)), (x, _height(1))], "axis")
    for share, words in axis.ticks():
        y = _height(share)
        yield line([(x - 4, y), (x, y)], "axis")
        yield text(x - 7, y + 4, words, "tick", "end")
    yield text(x + 20, 20, shorten(axis.name, 18), "name", "end")


def _describe(
    axes: Sequence[ParallelAxis],
    lines: Sequence[ParallelLine],
    name: str,
    low: float,
    high: float,
) -> str:
    """The range of the results, and the settings of the best in words."""
    best = max(
        lines, key=lambda each: -math.inf if each.result is None else each.result
    )
    settings = (
        f"{axis.name} {axis.choices[int(value)] if axis.choices else f'{value:.4g}'}"
        for axis, value in zip(axes, best.values, strict=True)
        if value is not None
    )
    return (
        f"{len(lines)} trials as lines over {len(axes)} settings, {name} from "
        f"{low:.1%} to {high:.1%}; the best: {', '.join(settings)}"
    )
