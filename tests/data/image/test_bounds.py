"""Small files that would take long to decode: refused, or left at a signal."""

from __future__ import annotations

import io
import signal
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image import bounded_file, image_file
from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.photo import read_photo
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import ImageError

TARGET = TargetSize(32, 32, "crop")

PIECES = (
    "it is cut into too many small pieces, which take too long to read. Save it anew."
)
SCANS = (
    "it has more than 100 scans, or 10,000 segments, which take too long to decode. "
    "Save it anew."
)


def read(data: bytes) -> np.ndarray:
    return read_image(io.BytesIO(data), "a", TARGET)


def refusal(data: bytes) -> str:
    with pytest.raises(ImageError) as raised:
        read(data)
    return str(raised.value)


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def with_scans(count: int, side: int = 64, thumbnail: bytes = b"") -> bytes:
    """A progressive JPEG with so many empty scans behind its own."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    data = encode(Image.fromarray(noise), "JPEG", progressive=True, comment=thumbnail)
    # The header of its last scan again and again, with nothing behind it.
    begin = data.rindex(b"\xff\xda")
    end = begin + 2 + int.from_bytes(data[begin + 2 : begin + 4], "big")
    return data[:-2] + data[begin:end] * count + b"\xff\xd9"


def chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def png_of_chunks(repeated: bytes) -> bytes:
    data = encode(Image.new("RGB", (32, 32)), "PNG")
    return data[:33] + repeated + data[33:]


def gif_of_comments(repeated: bytes) -> bytes:
    data = encode(Image.new("L", (32, 32)), "GIF")
    place = data.index(b",\0\0\0\0\x20\0\x20\0")
    return data[:place] + repeated + data[place:]


def bmp_of_runs(side: int) -> bytes:
    """Run-length coded, each pixel a run of its own."""
    pixels = (b"\1\5" * side + b"\0\0") * side + b"\0\1"
    palette = bytes(1024)
    head = struct.pack("<IHHI", 14 + 40 + 1024 + len(pixels), 0, 0, 14 + 40 + 1024)
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(pixels), 0, 0, 0, 0)
    return b"BM" + head + info + palette + pixels


def test_as_many_scans_as_anybody_needs_are_decoded() -> None:
    for count in (0, 60):
        assert read(with_scans(count)).shape == (32, 32, 3)


@pytest.mark.parametrize("count", [101, 20_000])
def test_a_jpeg_of_more_scans_is_refused(count: int) -> None:
    assert refusal(with_scans(count)) == SCANS
    with pytest.raises(ImageError):
        read_photo(io.BytesIO(with_scans(count)), "a", TARGET)


def test_scans_behind_many_segments_are_found_as_soon() -> None:
    many = with_scans(101)
    assert refusal(many[:-2] + b"\xff\xe1\0\2" * 10_000 + many[-2:]) == SCANS
    first = many.index(b"\xff\xda")
    assert refusal(many[:first] + b"\xff\xe1\0\2" * 10_000 + many[first:]) == SCANS


def test_what_only_looks_like_scans_is_not_counted() -> None:
    plain = with_scans(0)
    inside = with_scans(0, thumbnail=b"\xff\xda" * 500)
    assert np.array_equal(read(inside), read(plain))
    assert np.array_equal(read(plain + b"\xff\xda\0\4ab" * 500), read(plain))


@pytest.mark.parametrize(
    "data",
    [
        png_of_chunks(chunk(b"tEXt", b"a\0b") * 2_000),
        png_of_chunks(chunk(b"abCd", b"") * 2_000),
        png_of_chunks(chunk(b"zTXt", b"a\0\0" + zlib.compress(b"")) * 2_000),
        png_of_chunks(chunk(b"IDAT", b"") * 2_000),
        gif_of_comments(b"!\xfe" + b"\1a" * 2_000 + b"\0"),
        gif_of_comments(b"!\xfe\1a\0" * 2_000),
        bmp_of_runs(50),
    ],
)
def test_a_file_of_too_many_pieces_is_refused(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(data).shape == (32, 32, 3)
    monkeypatch.setattr(bounded_file, "MAX_READS", 3_000)
    assert refusal(data) == PIECES


def test_a_large_picture_is_decoded_beside_the_main_thread() -> None:
    # A native decoder holds up signals only where the main thread is in it.
    side = int(image_file._LARGE_PIXELS**0.5) + 1
    data = encode(Image.new("RGB", (side, side), (9, 8, 7)), "PNG")
    before = threading.active_count()
    assert (read(data) == (9, 8, 7)).all()
    assert (read_photo(io.BytesIO(data), "a", TARGET).pixels == (9, 8, 7)).all()
    assert threading.active_count() == before


def test_what_is_wrong_with_a_large_picture_is_told_all_the_same() -> None:
    side = int(image_file._LARGE_PIXELS**0.5) + 1
    data = encode(Image.new("RGB", (side, side)), "PNG")
    assert refusal(data[:-200]) == "the file is cut short."


# Sends itself the signal just before the first picture is decoded.
WHILE_DECODING = """
import os, sys
from cifarcnn.data.image import image_file
load, numbers = image_file.load_pixels, [int(sys.argv.pop(1))]
def signalled(image):
    # Once: a second one would end the process without a word.
    for number in (numbers and [numbers.pop()]):
        os.kill(os.getpid(), number)
    pixels = load(image)
    print("decoded", flush=True)
    return pixels
image_file.load_pixels = signalled
from cifarcnn.cli.main import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("count", [1, 5])
def test_a_signal_acts_while_a_large_picture_is_decoded(
    trained_run: Path, tmp_path: Path, number: signal.Signals, count: int
) -> None:
    # Of this form 25 megapixels are decoded in one call.
    path = tmp_path / "a.webp"
    noise = Image.effect_noise((1250, 1250), 90)
    noise.resize((5000, 5000)).convert("RGB").save(path, quality=60, method=0)
    done = subprocess.run(
        [
            *(sys.executable, "-c", WHILE_DECODING, str(int(number)), "predict"),
            *("--run", str(trained_run), *[str(path)] * count),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 128 + number
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == "interrupted"
