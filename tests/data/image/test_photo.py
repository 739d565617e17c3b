"""A photo for the eye, and the square of it that the network sees."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.image_file import decode_image, read_image, silent_pillow
from cifarcnn.data.image.photo import read_photo
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import ImageError

TARGET = TargetSize(32, 32, "crop")


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def smooth(width: int, height: int) -> Image.Image:
    """Two ramps, so that every place has a colour of its own."""
    rows = np.linspace(0, 255, height)[:, None] * np.ones(width)
    columns = np.linspace(0, 255, width) * np.ones((height, 1))
    pixels = np.stack([rows, columns, 255 - rows], axis=2)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((32, 32), (32, 32)),
        ((50, 40), (50, 40)),
        ((1024, 700), (1024, 700)),
        ((3000, 1500), (1024, 512)),
        ((900, 2700), (341, 1024)),
    ],
)
def test_the_photo_is_at_most_1024_pixels_long(
    form: str, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    photo = read_photo(io.BytesIO(encode(smooth(*size), form)), "p", TARGET)
    assert photo.pixels.shape == (shown[1], shown[0], 3)
    assert photo.pixels.dtype == np.uint8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(2000, 1200), (300, 417), (32, 32)])
def test_the_square_within_the_photo_is_what_the_network_sees(
    orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(smooth(*size), "JPEG", exif=exif, quality=95)
    photo = read_photo(io.BytesIO(data), "p", TARGET)
    assert np.array_equal(photo.seen, read_image(io.BytesIO(data), "p", TARGET))
    top, left, bottom, right = photo.crop
    assert bottom - top == right - left == min(photo.pixels.shape[:2])
    again = Image.fromarray(photo.pixels).resize(
        (32, 32), Image.Resampling.LANCZOS, box=(left, top, right, bottom)
    )
    assert np.abs(np.asarray(again).astype(int) - photo.seen).max() <= 4


def test_transparency_shows_white() -> None:
    data = encode(Image.new("RGBA", (40, 40), (200, 0, 0, 0)))
    assert (read_photo(io.BytesIO(data), "p", TARGET).pixels == 255).all()


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(encode(smooth(60, 60)))
    photo = read_photo(path, "p.png", TARGET)
    assert np.array_equal(photo.pixels, np.asarray(smooth(60, 60)))


def test_what_cannot_be_read_is_refused_as_everywhere(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as raised:
        read_photo(tmp_path / "none.png", "none.png", TARGET)
    assert str(raised.value) == "there is no such file."


def mismatch(data: bytes, height: int, width: int) -> float:
    with silent_pillow():
        return decode_image(data, "a", TargetSize(height, width, "crop"))[1]


@pytest.mark.parametrize(
    ("width", "height", "target", "share"),
    [
        (50, 50, (32, 32), 0),
        (96, 32, (32, 32), 2 / 3),
        (32, 40, (32, 32), 0.2),
        (48, 32, (16, 24), 0),
        (48, 48, (16, 24), 1 / 3),
    ],
)
def test_the_share_of_what_lies_outside_the_middle(
    width: int, height: int, target: tuple[int, int], share: float
) -> None:
    data = encode(Image.new("RGB", (width, height)))
    assert mismatch(data, *target) == pytest.approx(share, abs=1e-12)


def test_an_image_that_lies_on_its_side_is_measured_upright() -> None:
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    data = encode(Image.new("RGB", (32, 48)), "JPEG", exif=on_its_side)
    assert mismatch(data, 16, 24) == pytest.approx(0, abs=1e-12)


def test_a_jpeg_is_measured_as_it_is_in_the_file() -> None:
    # Shrunk to an eighth while it is decoded, it has 250 x 126 pixels.
    data = encode(Image.new("RGB", (2000, 1001)), "JPEG")
    assert mismatch(data, 20, 20) == pytest.approx(1 - 1001 / 2000, abs=1e-12)


def test_a_profile_that_is_left_out_hinders_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30)).save(path)
    data = path.read_bytes()
    profile = b"iCCPx\0\0" + zlib.compress(bytes(2_000_000))
    numbers = (struct.pack(">I", n) for n in (len(profile) - 4, zlib.crc32(profile)))
    path.write_bytes(data[:33] + profile.join(numbers) + data[33:])
    assert mismatch(path.read_bytes(), 32, 32) == pytest.approx(1 / 4)
