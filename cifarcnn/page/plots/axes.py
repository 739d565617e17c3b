"""Axes with round numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup

from cifarcnn.page.numbers import MINUS
from cifarcnn.page.plots.svg import line, text

# From a value along each axis to the place in the drawing.
Place: TypeAlias = Callable[[float, float], tuple[float, float]]

WIDTH, HEIGHT = 380.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 20.0, 28.0, 44.0


@dataclass(frozen=True)
class Axis:
    """The numbers along one side.

    Attributes:
        name: What they are.
        ticks: Round numbers, ascending; the first and the last are the ends.
        percent: Whether they are shares of 1.
        logarithmic: Whether equal distances are equal factors.
        named: Which of them are written; all by default.
    """

    name: str
    ticks: Sequence[float]
    percent: bool = False
    logarithmic: bool = False
    named: Sequence[float] | None = None

    def share(self, value: float) -> float:
        """Where a value lies between the ends: 0 to 1."""
        low, high = self.ticks[0], self.ticks[-1]
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)

    def words(self, value: float) -> str:
        """A tick as it is read."""
        if self.percent:
            return f"{_plain(100 * value)}%"
        # One way of writing for all.
        if value and any(0 < abs(each) < 1e-3 for each in self.ticks):
            exponent = math.floor(math.log10(abs(value)) + 1e-9)
            sign = MINUS if exponent < 0 else ""
            return f"{value / 10.0**exponent:.3g}e{sign}{abs(exponent)}"
        return _plain(value)


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that hold a range."""
    if high <= low:
        pad = abs(low) / 10 or 1.0
        low, high = low - pad, high + pad
    step = _round_step((high - low) / (most - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # 3 * 0.1 is not 0.3.
    return [round(number * step, 12) for number in range(first, last + 1)]


def whole_ticks(low: int, high: int, most: int = 7) -> list[float]:
    """The ends of a range of whole numbers, and round ones between them."""
    step = max(round(_round_step((high - low) / max(most - 1, 1))), 1)
    between = range(step * (low // step + 1), high, step)
    # A number beside the end would run into it.
    inner = [n for n in between if high - n >= step / 2 and n - low >= step / 2]
    return [float(n) for n in (low, *inner, *([high] if high > low else []))]


def power_ticks(low: float, high: float) -> list[float]:
    """Powers of ten that hold a range of numbers above 0."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**n for n in range(first, max(last, first + 1) + 1)]


def draw_axes(
    x: Axis, y: Axis
) -> tuple[list[Markup], Callable[..., tuple[float, float]]]:
    """Both axes; and the place in the drawing of a pair of values."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x_value: float, y_value: float) -> tuple[float, float]:
        return LEFT + wide * x.share(x_value), TOP + high * (1 - y.share(y_value))

    return [*_draw(x, y, place)], place


def _draw(x: Axis, y: Axis, place: Place) -> Iterator[Markup]:
    bottom = HEIGHT - BOTTOM
    for tick in y.ticks:
        _, height = place(x.ticks[0], tick)
        yield line([(LEFT, height), (WIDTH - RIGHT, height)], "grid")
        yield text(LEFT - 6, height + 4, y.words(tick), "quiet", "end")
    for tick in x.ticks if x.named is None else x.named:
        across, _ = place(tick, y.ticks[0])
        yield line([(across, bottom), (across, bottom + 4)], "axis")
        yield text(across, bottom + 17, x.words(tick), "quiet")
    yield line([(LEFT, bottom), (WIDTH - RIGHT, bottom)], "axis")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x.name, "quiet")
    yield text(8, 14, y.name, "name", "start")


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    return next(n * power for n in (1, 2, 5, 10) if n * power >= least * (1 - 1e-9))


def _plain(value: float) -> str:
    return f"{value:,.10g}".replace("-", MINUS)
