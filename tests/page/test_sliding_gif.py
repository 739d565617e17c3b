from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.errors import UsageError
from cifarcnn.explanation.steps import Missing
from cifarcnn.page.sliding_gif import draw_sliding_gif

WAITING = (176, 176, 176)


def cell(frame: Image.Image, row: int, column: int) -> tuple[int, ...]:
    """The colour in the middle of a cell of the 32x32 map, the right one of the two."""
    at = (336 + 9 * column + 4, 24 + 9 * row + 4)
    colour = frame.convert("RGB").getpixel(at)
    assert isinstance(colour, tuple)
    return colour


def test_of_large_maps_some_cells_are_shown_and_always_the_last(
    explain: Callable[..., Any],
) -> None:
    explanation = explain(
        [
            {"Resizing": {"height": 160, "width": 100}},
            {"Conv2D": {"filters": 2, "kernel_size": 1, "activation": "relu"}},
            "GlobalAveragePooling2D",
            {"Dense": {"units": 10, "activation": "softmax"}},
        ]
    )
    with Image.open(io.BytesIO(draw_sliding_gif(explanation))) as film:
        # Every fifth of the rows, every fourth of the columns.
        frames = getattr(film, "n_frames")  # noqa: B009
        assert frames == 2 * 25 + 2 * 30
        film.seek(frames - 1)
        assert film.info["duration"] == 2500


def test_the_map_is_filled_cell_by_cell_then_row_by_row(explanation: Any) -> None:
    with Image.open(io.BytesIO(draw_sliding_gif(explanation))) as film:
        frames = getattr(film, "n_frames")  # noqa: B009
        assert film.size == (648, 360)
        assert frames == 2 * 32 + 2 * 30
        film.seek(10)
        assert np.abs(np.subtract(cell(film, 0, 12), WAITING)).max() < 8
        assert np.abs(np.subtract(cell(film, 0, 8), WAITING)).max() > 20
        film.seek(frames - 1)
        assert film.info["duration"] == 2500
        assert np.abs(np.subtract(cell(film, 30, 12), WAITING)).max() > 8
    assert len(draw_sliding_gif(explanation)) < 1_000_000


def test_any_window_can_be_filmed(explain: Callable[..., Any]) -> None:
    for layer in (
        {"Conv2D": {"filters": 3, "kernel_size": [1, 5], "strides": 3}},
        {"DepthwiseConv2D": {"kernel_size": 5, "dilation_rate": 2}},
        {"Conv2D": {"filters": 3, "kernel_size": 32}},
    ):
        dense = {"Dense": {"units": 10, "activation": "softmax"}}
        explanation = explain([layer, "Flatten", dense])
        assert draw_sliding_gif(explanation).startswith(b"GIF89a")


def test_without_a_convolution_there_is_no_film(explanation: Any) -> None:
    without = replace(
        explanation, convolution=Missing("The network has no convolution.")
    )
    with pytest.raises(UsageError) as caught:
        draw_sliding_gif(without)
    assert str(caught.value) == (
        "There is no sliding filter to draw: The network has no convolution. Leave out "
        "--gif."
    )


def test_images_that_are_wider_than_high_keep_their_shape(
    wide_explanation: Any,
) -> None:
    with Image.open(io.BytesIO(draw_sliding_gif(wide_explanation))) as film:
        film.seek(getattr(film, "n_frames") - 1)  # noqa: B009
        frame = np.asarray(film.convert("RGB"))
    # Of 288 pixels in width the height takes 24/40; a tile may hang over.
    below = frame[24 + 173 + 12 : 24 + 288, 24:]
    assert (np.abs(below.astype(int) - 255).max(axis=-1) < 8).all()
    assert (np.abs(frame[24 + 160, 24 : 24 + 288].astype(int) - 255).max(-1) > 8).any()


def test_a_window_larger_than_the_map_does_not_reach_the_next_image(
    explain: Callable[..., Any],
) -> None:
    large = {"Conv2D": {"filters": 3, "kernel_size": 7, "padding": "same"}}
    dense = {"Dense": {"units": 10, "activation": "softmax"}}
    data = draw_sliding_gif(explain([{"MaxPooling2D": 16}, large, "Flatten", dense]))
    with Image.open(io.BytesIO(data)) as film:
        for number in range(getattr(film, "n_frames")):  # noqa: B009
            film.seek(number)
            # Between the frame around the window and the map lies paper.
            paper = np.array(film.convert("RGB"))[:300, 328:333]
            assert paper.min() > 245
