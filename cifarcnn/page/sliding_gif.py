"""The sliding filter as an animated GIF.

Pillow's own small font has plain ASCII letters, which is all that is written here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cifarcnn.errors import UsageError
from cifarcnn.explanation.convolution_step import ConvolutionStep
from cifarcnn.explanation.explain import Explanation
from cifarcnn.explanation.steps import Missing
from cifarcnn.page.color_scales import paint
from cifarcnn.page.numbers import choose_decimals
from cifarcnn.page.page_data import find_start

Array = np.ndarray[Any, Any]

_SIDE = 288  # the longer one of each of the two images
_EDGE = 24
_SLOW_ROWS = 2  # rows shown cell by cell; of the others a few steps each
_STEPS_OF_A_ROW = 2
_MOST_STOPS = 32  # of the rows, and of the cells of a row
_SLOW, _FAST, _LAST = 110, 60, 2500  # milliseconds that a frame stays
_WAITING = 176  # grey of what has not been reached yet, darker than that of 0
_PAPER, _INK, _MARK = (255, 255, 255), (32, 37, 43), (192, 21, 21)


def draw_sliding_gif(explanation: Explanation) -> bytes:
    """A GIF in which the strongest filter slides over the image and fills its map.

    Raises:
        UsageError: The network has no convolution whose tiles could be shown.
    """
    if isinstance(explanation.convolution, Missing):
        raise UsageError(
            f"There is no sliding filter to draw: {explanation.convolution.reason} "
            "Leave out --gif."
        )

    convolution = explanation.convolution
    pixels = explanation.network_input.pixels
    stops = list(_stops(*convolution.before.shape[:2]))
    frames = [_draw_frame(convolution, pixels, row, column) for row, column, _ in stops]
    data = io.BytesIO()
    # One palette for all, so that colours do not flicker: of the emptiest frame and of
    # the fullest.
    both = Image.new("RGB", (frames[0].width, 2 * frames[0].height))
    both.paste(frames[0])
    both.paste(frames[-1], (0, frames[0].height))
    palette = both.quantize(255)
    first, *others = (
        frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    )
    first.save(
        data,
        "GIF",
        save_all=True,
        append_images=others,
        duration=[milliseconds for *_, milliseconds in stops],
        loop=0,
        optimize=True,
    )
    return data.getvalue()


def _stops(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """Where the filter stops: row and column of the map, and for how long."""
    rows, columns = (
        range(length - 1, -1, -(-length // _MOST_STOPS) * -1)[::-1]
        for length in (height, width)
    )
    for number, row in enumerate(rows):
        if number < _SLOW_ROWS:
            for column in columns:
                yield row, column, _SLOW
        else:
            for step in range(1, _STEPS_OF_A_ROW + 1):
                column = width * step // _STEPS_OF_A_ROW - 1
                last = row == height - 1 and column == width - 1
                if column >= 0:
                    yield row, column, _LAST if last else _FAST


def _draw_frame(
    convolution: ConvolutionStep, pixels: Array, row: int, column: int
) -> Image.Image:
    bank = convolution.filters
    filter, _, _ = find_start(convolution)
    height, width = bank.input_shape[:2]
    seen = pixels
    if bank.input_shape != pixels.shape:
        reach = float(np.abs(convolution.input).max())
        seen = paint(convolution.input[:, :, 0], -reach, reach)
    values = convolution.before[:, :, filter]
    reach = float(np.abs(convolution.before).max())
    painted = paint(values, -reach, reach)
    painted[row, column + 1 :] = painted[row + 1 :] = _WAITING

    frame = Image.new("RGB", (2 * _SIDE + 3 * _EDGE, _SIDE + 3 * _EDGE), _PAPER)
    draw = ImageDraw.Draw(frame)
    font = ImageFont.load_default(15)
    for place, image in enumerate((seen, painted)):
        cell = _SIDE / max(image.shape[:2])
        size = round(image.shape[1] * cell), round(image.shape[0] * cell)
        enlarged = Image.fromarray(image).resize(size, Image.Resampling.NEAREST)
        frame.paste(enlarged, (_EDGE + place * (_SIDE + _EDGE), _EDGE))
    window = bank.window
    top, left = (
        place * stride - before
        for place, stride, (before, _) in zip(
            (row, column), window.strides, window.padding, strict=True
        )
    )
    _mark(draw, _EDGE, (height, width), (top, left, *window.spans))
    _mark(draw, 2 * _EDGE + _SIDE, values.shape, (row, column, 1, 1))
    decimals = choose_decimals(reach)
    below = _EDGE + _SIDE + 10
    for left_edge, text in (
        (_EDGE, f"tile at row {top}, column {left}"),
        (
            2 * _EDGE + _SIDE,
            f"filter {filter}: sum + bias = {values[row, column]:.{decimals}f}",
        ),
    ):
        draw.text((left_edge, below), text, fill=_INK, font=font)
    return frame


def _mark(
    draw: ImageDraw.ImageDraw,
    left_edge: int,
    cells: tuple[int, ...],
    box: tuple[int, int, int, int],
) -> None:
    """A frame around cells: row, column, height and width of the box.

    A large one goes beyond the image, but not as far as the next image.
    """
    cell = _SIDE / max(cells)
    row, column, height, width = box
    top, left, bottom, right = (
        min(max(place * cell, -_EDGE / 2), _SIDE + _EDGE / 2)
        for place in (row, column, row + height, column + width)
    )
    corners = (left_edge + left - 1, _EDGE + top - 1, left_edge + right, _EDGE + bottom)
    draw.rectangle(corners, outline=_MARK, width=2)
