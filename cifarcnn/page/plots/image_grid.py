"""Images side by side with words below each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from cifarcnn.page.inline_arrays import to_image_url
from cifarcnn.page.plots.svg import frame, shorten, text

_SIDE, _SLOT, _LINE, _TOP = 84.0, 104.0, 14.0, 28.0
_LONGEST_SIDE = 168  # pixels: of what is larger nothing more would be seen
_SMALL = 64  # pixels of images that are shown as they are


@dataclass(frozen=True)
class ShownImage:
    """One image of a grid.

    Attributes:
        pixels: uint8 ``(height, width, 3)``.
        lines: The words below it, each short.
    """

    pixels: np.ndarray[Any, Any]
    lines: tuple[str, ...] = ()


def draw_images(images: Sequence[ShownImage], title: str, columns: int = 6) -> Markup:
    """A grid, from left to right and downwards.

    Args:
        images: With none there is the title alone.
        title: What they are.
        columns: How many stand side by side.
    """
    columns = min(columns, len(images)) or 1
    high = _SIDE + 8 + _LINE * max((len(each.lines) for each in images), default=0)
    rows = -(-len(images) // columns)
    parts = [text(8, 16, title, "name", "start")]
    for number, each in enumerate(images):
        row, column = divmod(number, columns)
        parts += _draw(each, _SLOT * column + _SLOT / 2, _TOP + (high + 8) * row)
    told = "; ".join(", ".join(each.lines) for each in images if each.lines)
    label = f"{title}: {len(images)} pictures{'. ' if told else ''}{told}"
    width = max(_SLOT * columns, 9.0 * len(title) + 16)
    return frame(width, _TOP + (high + 8) * rows, label, parts)


def _draw(image: ShownImage, middle: float, top: float) -> Iterator[Markup]:
    height, width = image.pixels.shape[:2]
    scale = _SIDE / max(height, width)
    kind = "pixels" if max(height, width) <= _SMALL else "photo"
    url = (
        to_image_url(image.pixels)
        if kind == "pixels"
        else to_image_url(image.pixels, "JPEG", _LONGEST_SIDE, quality=80)
    )
    yield Markup(
        '<image class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" '
        'href="{}"/>'
    ).format(
        kind,
        middle - width * scale / 2,
        top + (_SIDE - height * scale) / 2,
        *(width * scale, height * scale, url),
    )
    for number, words in enumerate(image.lines):
        y = top + _SIDE + 14 + _LINE * number
        yield text(middle, y, shorten(words, 14), "" if number == 0 else "quiet")
