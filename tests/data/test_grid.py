from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cifarcnn.data.grid import draw_grid


def image(*colour: int) -> np.ndarray:
    return np.full((32, 32, 3), colour, dtype=np.uint8)


def read(data: bytes) -> np.ndarray:
    assert data.startswith(b"\x89PNG")
    return np.array(Image.open(io.BytesIO(data)))


def test_each_row_shows_its_images_in_order_twice_as_large():
    red, green, blue = image(255, 0, 0), image(0, 255, 0), image(0, 0, 255)
    grid = read(draw_grid([np.stack([red, green]), blue[None]], ["cat", "dog"], []))
    left = grid.shape[1] - 2 * 68
    assert grid.shape == (4 + 2 * 68, left + 2 * 68, 3)
    assert np.all(grid[4:68, left : left + 64] == [255, 0, 0])
    assert np.all(grid[4:68, left + 68 : left + 132] == [0, 255, 0])
    assert np.all(grid[72:136, left : left + 64] == [0, 0, 255])
    # The shorter row leaves its place white, as all between the images is.
    assert np.all(grid[72:136, left + 64 :] == 255)
    assert np.all(grid[:4] == 255)


def test_pixels_are_not_smoothed():
    noise = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    grid = read(draw_grid([noise], ["a"], []))
    assert np.array_equal(grid[4:68:2, -68:-4:2], noise[0])
    assert np.array_equal(grid[5:68:2, -67:-4:2], noise[0])


def test_names_are_written_beside_the_rows_and_above_the_columns():
    rows = [image(9, 9, 9)[None]]
    bare = read(draw_grid(rows, [""], []))
    named = read(draw_grid(rows, ["airplane"], ["epoch 1"]))
    assert named.shape[1] > bare.shape[1]
    assert named[4:17, -68:].min() < 100
    assert named[21:, : named.shape[1] - 68].min() < 100
    assert np.all(named[:21, : named.shape[1] - 68] == 255)


def test_a_long_name_is_cut():
    rows = [image(9, 9, 9)[None]]
    long = read(draw_grid(rows, ["a very long name of a class, indeed"], []))
    longer = read(draw_grid(rows, ["a very long name of a class, indeed" * 9], []))
    assert long.shape[1] < 68 + 130 + 13
    assert np.array_equal(long, longer)


def test_what_has_no_letters_in_the_font_is_told_by_its_place():
    rows = [image(9, 9, 9)[None]] * 3
    foreign = read(draw_grid(rows, ["Éléphant", "собака", "gou\u7edd"], []))
    expected = read(draw_grid(rows, ["Elephant", "class 2", "class 3"], []))
    assert np.array_equal(foreign, expected)


def test_large_images_are_shrunk_and_those_in_between_left_as_they_are():
    def drawn(height: int, width: int) -> np.ndarray:
        return read(draw_grid([np.full((1, height, width, 3), 9, np.uint8)], [""], []))

    assert drawn(512, 256).shape == (4 + 128 + 4, drawn(64, 32).shape[1], 3)
    assert drawn(100, 90).shape[0] == 4 + 100 + 4
    assert drawn(8, 512).shape[0] == 4 + 2 + 4
