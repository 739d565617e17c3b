"""Images side by side in one PNG, with names at the rows and columns."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Resampling

# Of small images each pixel is drawn twice as high and wide, so that one can see it;
# large ones are shrunk, or the grid of a hundred classes would take gigabytes.
_SCALE = 2
_LONGEST_SIDE = 128
_GAP = 4
_LETTER_HEIGHT = 13
_WIDEST_NAME = 130
_BACKGROUND = (255, 255, 255)
_INK = (0, 0, 0)


def draw_grid(
    rows: Sequence[np.ndarray], row_names: Sequence[str], column_names: Sequence[str]
) -> bytes:
    """The images as the bytes of a PNG.

    Args:
        rows: For each row uint8 ``(k, height, width, 3)``, one row at least; ``k``
            may differ.
        row_names: One for each row; what is too long is cut. There are letters for
            English alone: accents are left out, and a name in another alphabet is
            ``class 3``, by the number of its row.
        column_names: Names for the columns, as many as there are images in the
            longest row, or none.
    """
    font = ImageFont.load_default(_LETTER_HEIGHT)
    names = [_fit(_to_ascii(n, place), font) for place, n in enumerate(row_names, 1)]
    left = _GAP + round(max(font.getlength(name) for name in names)) + 2 * _GAP
    top = _GAP + (_LETTER_HEIGHT + _GAP if column_names else 0)
    height, width = _drawn_size(*rows[0].shape[1:3])
    columns = max(len(row) for row in rows)
    size = left + columns * (width + _GAP), top + len(rows) * (height + _GAP)
    canvas = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for number, (name, row) in enumerate(zip(names, rows, strict=True)):
        y = top + number * (height + _GAP)
        draw.text((_GAP, y + height // 2), name, _INK, font, anchor="lm")
        for place, image in enumerate(row):
            drawn = Image.fromarray(image).resize(
                (width, height),
                Resampling.LANCZOS if height < len(image) else Resampling.NEAREST,
            )
            canvas.paste(drawn, (left + place * (width + _GAP), y))
    for place, name in enumerate(column_names):
        middle = left + place * (width + _GAP) + width // 2
        draw.text((middle, _GAP), name, _INK, font, anchor="mt")
    file = io.BytesIO()
    canvas.save(file, "PNG")
    return file.getvalue()


def _drawn_size(height: int, width: int) -> tuple[int, int]:
    scale = min(_SCALE, _LONGEST_SIDE / max(height, width))
    if scale > 1:
        scale = int(scale)
    return max(round(scale * height), 1), max(round(scale * width), 1)


def _to_ascii(name: str, place: int) -> str:
    letters = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return plain if plain.isascii() and plain.isprintable() else f"class {place}"


def _fit(name: str, font: Any) -> str:
    """The name, or as much of its beginning as there is room for."""
    shown = name
    while font.getlength(shown) > _WIDEST_NAME:
        name = name[:-1]
        shown = f"{name}..."
    return shown
