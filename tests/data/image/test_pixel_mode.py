"""Transparency that a PNG gives as one colour, at every depth that PNG has."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest

from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.target_size import TargetSize

GREY, RGB, PALETTE = 0, 2, 3
SIDE = 32


def chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def png(
    colour: int, bits: int, rows: list[bytes], clear: bytes, palette: bytes = b""
) -> bytes:
    """A PNG of 32x32 as its specification has it, with a tRNS chunk."""
    head = struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour, 0, 0, 0)
    pixels = b"".join(b"\0" + row for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + (chunk(b"PLTE", palette) if palette else b"")
        + chunk(b"tRNS", clear)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


def read(data: bytes) -> np.ndarray:
    return read_image(io.BytesIO(data), "a.png", TargetSize(SIDE, SIDE, "crop"))


def pack(values: np.ndarray, bits: int) -> list[bytes]:
    """Rows of numbers of so many bits, the first one in the upper bits."""
    if bits == 16:
        return [row.astype(">u2").tobytes() for row in values]
    shifts = np.arange(bits - 1, -1, -1)
    spread = (values[:, :, None] >> shifts & 1).astype(np.uint8)
    return [np.packbits(row).tobytes() for row in spread]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_grey_that_is_clear_becomes_white_at_every_depth(bits: int) -> None:
    largest = 2**bits - 1
    values = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 67 % (largest + 1)
    for clear in {0, 1, largest // 2, largest}:
        result = read(png(GREY, bits, pack(values, bits), struct.pack(">H", clear)))
        expected = np.where(values == clear, 255, np.round(values * 255 / largest))
        assert np.array_equal(result, np.repeat(expected[:, :, None], 3, axis=2))


def test_bits_above_the_depth_do_not_count() -> None:
    values = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 4
    rows = pack(values, 2)
    exact, more = (png(GREY, 2, rows, struct.pack(">H", key)) for key in (2, 0x8002))
    assert np.array_equal(read(more), read(exact))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_colour_that_is_clear_becomes_white(bits: int) -> None:
    draws = np.random.default_rng(0)
    values = draws.integers(0, 2**bits, (SIDE, SIDE, 3))
    clear = values[3, 4].copy()
    values[9, :5] = clear
    if bits == 16:
        values[10] = clear
        values[10, :, 2] ^= 1  # the same upper bytes, another colour
    rows = pack(values.reshape(SIDE, -1), bits)
    result = read(png(RGB, bits, rows, struct.pack(">3H", *clear)))
    expected = values if bits == 8 else values >> 8
    expected[(values == clear).all(axis=2)] = 255
    assert np.array_equal(result, expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_has_a_transparency_for_each_colour(bits: int) -> None:
    count = 2**bits
    colours = np.random.default_rng(0).integers(0, 256, (count, 3), np.uint8)
    opacity = np.array([128, 0, 255, 64] * 64)[:count].astype(np.uint8)
    values = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % count
    data = png(PALETTE, bits, pack(values, bits), opacity.tobytes(), colours.tobytes())
    share = opacity[values][:, :, None] / 255
    expected = colours[values] * share + 255 * (1 - share)
    assert np.abs(read(data) - expected).max() <= 1
