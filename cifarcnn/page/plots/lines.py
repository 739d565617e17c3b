"""Curves, such as the loss of each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cifarcnn.page.plots.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Place,
    draw_axes,
    power_ticks,
    round_ticks,
    whole_ticks,
)
from cifarcnn.page.plots.svg import frame, line, shorten, text

# So many looks there are; of more lines each has its number at its end.
LOOKS = 6
# Of more points than pixels nothing is seen but the size of the page.
_MOST_MARKED = 30
_LEGEND_SLOT = 17.0
_NUMBER_HEIGHT = 10.0


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        name: In the legend.
        values: One for each epoch, from ``first`` on; ``None`` where there is none.
        first: The number of the first.
    """

    name: str
    values: Sequence[float | None]
    first: int = 1


def draw_lines(
    lines: Sequence[Line],
    y_name: str,
    *,
    x_name: str = "epoch",
    percent: bool = False,
    logarithmic: bool = False,
    from_zero: bool = False,
    mark: tuple[int, str] | None = None,
) -> Markup:
    """Curves over the epochs, with a legend where there are several.

    Args:
        lines: With at least one value that is not ``None``.
        y_name: What the values are.
        x_name: What is counted.
        percent: Whether values are shares of 1.
        logarithmic: Whether equal factors are equal distances; all above 0 then.
        from_zero: Whether the values are shown from 0 on.
        mark: An epoch to point out, and what it is.
    """
    lines = [each for each in lines if any(v is not None for v in each.values)]
    values = [v for each in lines for v in each.values if v is not None]
    low, high = min(values), max(values)
    if logarithmic:
        y_ticks = power_ticks(low, high)
    else:
        y_ticks = round_ticks(min(low, 0) if from_zero else low, high)
    first = min(each.first for each in lines)
    last = max(each.first + len(each.values) - 1 for each in lines)
    if last > first:
        x = Axis(x_name, whole_ticks(first, last))
    else:
        # In the middle.
        x = Axis(x_name, [first - 1, first, first + 1], named=[first])
    y = Axis(y_name, y_ticks, percent, logarithmic)
    parts, place = draw_axes(x, y)
    if mark and first <= mark[0] <= last:
        ends = [place(mark[0], tick) for tick in (y_ticks[0], y_ticks[-1])]
        parts += [line(ends, "mark"), text(*_beside(ends[1]), mark[1], "quiet")]
    for number, each in enumerate(lines):
        look = f"look-{number % LOOKS + 1}"
        for points in _pieces(each):
            places = [place(*point) for point in points]
            parts.append(line(places, f"line {look}"))
            if len(each.values) <= _MOST_MARKED:
                parts += [_dot(*where, look) for where in places]
    if len(lines) > LOOKS:
        parts += _number_ends(lines, place)
    height, legend = HEIGHT, list(_legend(lines))
    if len(lines) > 1:
        parts += legend
        height += _LEGEND_SLOT * len(lines)
    return frame(WIDTH, height, _describe(y, x_name, lines), parts)


def _pieces(each: Line) -> Iterator[list[tuple[int, float]]]:
    """The points of a line, anew after each that is missing."""
    piece: list[tuple[int, float]] = []
    for number, value in enumerate(each.values, each.first):
        if value is not None:
            piece.append((number, value))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _legend(lines: Sequence[Line]) -> Iterator[Markup]:
    for number, each in enumerate(lines):
        y, look = HEIGHT + 8 + _LEGEND_SLOT * number, f"look-{number % LOOKS + 1}"
        yield line([(LEFT, y - 4), (LEFT + 30, y - 4)], f"line {look}")
        name = f"{number + 1}: {each.name}" if len(lines) > LOOKS else each.name
        yield text(LEFT + 38, y, shorten(name, 36), anchor="start")


def _number_ends(lines: Sequence[Line], place: Place) -> Iterator[Markup]:
    """The number of each line behind its last point, none upon another."""
    ends: dict[float, list[tuple[float, int]]] = {}
    for number, each in enumerate(lines, 1):
        x, y = place(*[point for piece in _pieces(each) for point in piece][-1])
        ends.setdefault(x, []).append((y, number))
    for x, column in ends.items():
        lowest = HEIGHT - BOTTOM + _NUMBER_HEIGHT
        distance = min(_NUMBER_HEIGHT, (lowest - TOP) / len(column))
        found = [y for y, _ in sorted(column)]
        for i in range(1, len(found)):
            found[i] = max(found[i], found[i - 1] + distance)
        for i in reversed(range(len(found))):
            found[i] = min(found[i], lowest - distance * (len(found) - 1 - i))
        for y, (_, number) in zip(found, sorted(column), strict=True):
            yield text(x + 5, y + 4, str(number), "count", anchor="start")


def _dot(x: float, y: float, look: str) -> Markup:
    return Markup('<circle class="dot {}" cx="{:.2f}" cy="{:.2f}" r="2.6"/>').format(
        look, x, y
    )


def _beside(point: tuple[float, float]) -> tuple[float, float]:
    x, y = point
    return min(max(x, LEFT + 14), WIDTH - RIGHT - 4), y - 4


def _describe(y: Axis, x_name: str, lines: Sequence[Line]) -> str:
    """The first and the last values and the best, in words."""
    told = []
    for each in lines:
        known = [v for v in each.values if v is not None]
        told.append(
            f"{each.name}: from {_show(known[0], y)} to {_show(known[-1], y)}, "
            f"lowest {_show(min(known), y)}, highest {_show(max(known), y)}"
        )
    return f"{y.name} by {x_name}. {'; '.join(told)}"


def _show(value: float, y: Axis) -> str:
    return f"{value:.1%}" if y.percent else f"{value:.4g}"
