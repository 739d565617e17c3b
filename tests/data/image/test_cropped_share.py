"""What is cut off of an image, whatever stands in its header."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from cifarcnn.data.image.cropped_share import measure_cropped_share
from cifarcnn.errors import ImageError


def test_a_profile_that_is_left_out_hinders_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30)).save(path)
    data = path.read_bytes()
    profile = b"iCCPx\0\0" + zlib.compress(bytes(2_000_000))
    numbers = (struct.pack(">I", n) for n in (len(profile) - 4, zlib.crc32(profile)))
    path.write_bytes(data[:33] + profile.join(numbers) + data[33:])
    assert measure_cropped_share(path, (32, 32)) == pytest.approx(1 / 4)
    assert measure_cropped_share(path, (30, 40)) == pytest.approx(0)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as raised:
        measure_cropped_share(tmp_path / "a.png", (32, 32))
    assert str(raised.value) == "there is no such file."
