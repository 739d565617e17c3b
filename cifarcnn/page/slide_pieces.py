"""What slides are made of: titles, images of cells, tables of numbers, bars.

Every text is set with ``parse_math=False``: a class or file may be called ``$x``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cifarcnn.page.color_scales import paint
from cifarcnn.page.numbers import choose_decimals, show

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, Any]
    Place = tuple[float, float, float, float]

INK, SOFT, MARK = "#20252b", "#545d68", "#c01515"
FOR, AGAINST, BAR = "#bd6420", "#2c62ac", "#2a7f7a"


def set_title(figure: Figure, title: str, below: str = "") -> None:
    """A heading at the top of the slide, and a line below it."""
    figure.text(
        0.04, 0.93, _cut(title, 60), size=20, color=INK, weight="bold", va="center",
        parse_math=False,
    )  # fmt: skip
    figure.text(
        0.04, 0.885, "\n".join(textwrap.wrap(below, 115)[:2]), size=10, color=SOFT,
        va="top", parse_math=False,
    )  # fmt: skip


def add_image(
    figure: Figure,
    place: Place,
    pixels: Array,
    caption: str = "",
    box: tuple[float, float, float, float] | None = None,
) -> Axes:
    """An image of cells, unsmoothed.

    Args:
        figure: The slide.
        place: Left, bottom, width and height, as shares of the slide.
        pixels: uint8 ``(height, width, 3)``.
        caption: What stands below.
        box: Row, column, height and width, in pixels, of a frame around some of them.
    """
    axes = figure.add_axes(place)
    axes.imshow(pixels, interpolation="nearest")
    axes.set_axis_off()
    if caption:
        axes.text(
            0, -0.03, caption, size=9, color=SOFT, va="top", transform=axes.transAxes,
            parse_math=False,
        )  # fmt: skip
    if box is not None:
        from matplotlib.patches import Rectangle

        row, column, height, width = box
        axes.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5), width, height, fill=False, edgecolor=MARK,
                linewidth=2, clip_on=False,
            )
        )  # fmt: skip
    return axes


def add_numbers(
    figure: Figure,
    place: Place,
    values: Array,
    caption: str,
    reach: float | None = None,
) -> None:
    """A table of numbers on the colours of their values, 0 being light grey.

    Args:
        figure: The slide.
        place: Left, bottom, width and height, as shares of the slide.
        values: float ``(height, width)``.
        caption: What stands above.
        reach: Both ends of the scale of colours; None for no colours.
    """
    import numpy as np

    axes = figure.add_axes(place)
    axes.set_axis_off()
    axes.set_title(caption, size=8.5, color=SOFT, loc="left", pad=3, parse_math=False)
    white = np.full((*values.shape, 3), 255, np.uint8)
    painted = white if reach is None else paint(values, -reach, reach)
    axes.imshow(painted, interpolation="nearest", aspect="auto")
    decimals = choose_decimals(reach or float(np.abs(values).max()), 3)
    size = min(9.0, 20 / max(values.shape))
    for (row, column), value in np.ndenumerate(values):
        dark = painted[row, column].astype(float) @ [0.299, 0.587, 0.114] < 110
        axes.text(
            column, row, show(float(value), decimals), size=size, ha="center",
            va="center", color="white" if dark else INK,
        )  # fmt: skip


def add_scale(figure: Figure, place: Place, low: float, high: float) -> None:
    """The scale of colours with the numbers at its ends."""
    import numpy as np

    axes = figure.add_axes(place)
    if low < 0:
        low, high = -max(-low, high), max(-low, high)
    axes.imshow(
        paint(np.linspace(low, high, 256)[None], low, high),
        aspect="auto", extent=(low, high, 0, 1),
    )  # fmt: skip
    decimals = choose_decimals(max(-low, high), 3)
    ticks = [low, 0.0, high] if low < 0 else [low, high]
    axes.set_xticks(ticks, [show(tick, decimals) for tick in ticks], size=8, color=SOFT)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=2, color=SOFT)


def add_bars(
    figure: Figure,
    place: Place,
    names: Sequence[str],
    values: Sequence[float],
    words: Sequence[str],
    *,
    signed: bool,
    title: str = "",
) -> None:
    """Bars from top to bottom, each with its name and its number."""
    axes = figure.add_axes(place)
    colours = [FOR if value >= 0 else AGAINST for value in values] if signed else BAR
    axes.barh(range(len(values)), values, color=colours, height=0.7)
    axes.set_yticks(range(len(values)))
    size = min(9.0, 200 / max(len(names), 1))
    axes.set_yticklabels(
        [_cut(name, 28) for name in names], size=size, color=INK, parse_math=False
    )
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.axvline(0, color=SOFT, linewidth=0.8)
    reach = max([abs(value) for value in values] + [1e-9])
    for row, (value, word) in enumerate(zip(values, words, strict=True)):
        axes.text(
            max(value, 0) + 0.02 * reach, row, word, size=size, va="center", color=INK
        )
    low = -1.05 * reach if signed else 0.0
    axes.set_xlim(low, 1.3 * reach)
    if title:
        axes.set_title(title, size=11, color=INK, loc="left", parse_math=False)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
