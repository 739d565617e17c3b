"""Images side by side in one PNG, with names at the rows and columns."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Each pixel of an image is drawn twice as high and wide, so that one can see it.
_SCALE = 2
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
        row_names: One for each row; what is too long is cut.
        column_names: Names for the columns, as many as there are images in the
            longest row, or none.
    """
    font = ImageFont.load_default(_LETTER_HEIGHT)
    names = [_fit(name, font) for name in row_names]
    left = _GAP + round(max(font.getlength(name) for name in names)) + 2 * _GAP
    top = _GAP + (_LETTER_HEIGHT + _GAP if column_names else 0)
    side = _SCALE * rows[0].shape[1]
    step = side + _GAP
    columns = max(len(row) for row in rows)
    canvas = np.full(
        (top + len(rows) * step, left + columns * step, 3), _BACKGROUND, dtype=np.uint8
    )
    for number, row in enumerate(rows):
        for place, image in enumerate(row):
            large = image.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
            y, x = top + number * step, left + place * step
            canvas[y : y + side, x : x + side] = large
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    for number, name in enumerate(names):
        middle = top + number * step + side // 2
        draw.text((_GAP, middle), name, _INK, font, anchor="lm")
    for place, name in enumerate(column_names):
        middle = left + place * step + side // 2
        draw.text((middle, _GAP), name, _INK, font, anchor="mt")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _fit(name: str, font: Any) -> str:
    """The name, or as much of its beginning as there is room for."""
    shown = name
    while font.getlength(shown) > _WIDEST_NAME:
        name = name[:-1]
        shown = f"{name}..."
    return shown
