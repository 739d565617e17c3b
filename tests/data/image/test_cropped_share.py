"""How much of an image is cut off."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from cifarcnn.data.image.cropped_share import measure_cropped_share
from cifarcnn.errors import ImageError


@pytest.mark.parametrize(
    ("width", "height", "size", "share"),
    [
        (50, 50, (32, 32), 0),
        (96, 32, (32, 32), 2 / 3),
        (32, 40, (32, 32), 0.2),
        (48, 32, (16, 24), 0),
        (48, 48, (16, 24), 1 / 3),
    ],
)
def test_the_share_of_what_lies_outside_the_middle(
    tmp_path: Path, width: int, height: int, size: tuple[int, int], share: float
) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (width, height)).save(path)
    assert measure_cropped_share(path, size) == pytest.approx(share, abs=1e-12)


def test_an_image_that_lies_on_its_side_is_measured_upright(tmp_path: Path) -> None:
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.new("RGB", (32, 48)).save(path, exif=on_its_side)
    assert measure_cropped_share(path, (16, 24)) == pytest.approx(0, abs=1e-12)


def test_a_profile_that_is_left_out_hinders_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30)).save(path)
    data = path.read_bytes()
    profile = b"iCCPx\0\0" + zlib.compress(bytes(2_000_000))
    numbers = (struct.pack(">I", n) for n in (len(profile) - 4, zlib.crc32(profile)))
    path.write_bytes(data[:33] + profile.join(numbers) + data[33:])
    assert measure_cropped_share(path, (32, 32)) == pytest.approx(1 / 4)


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as raised:
        measure_cropped_share(tmp_path / "a.png", (32, 32))
    assert str(raised.value) == "there is no such file."
