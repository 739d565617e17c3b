"""Images of every accepted form, changed at random: an answer or a sentence.

``CIFARCNN_FUZZ_EXAMPLES`` says how many for each form.
"""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.matrix_profile import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    make_matrix_profile,
)
from cifarcnn.data.image.photo import read_photo
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import ImageError

TARGET = TargetSize(32, 32, "crop")

EXAMPLES = int(os.environ.get("CIFARCNN_FUZZ_EXAMPLES", "120"))
# What one image of at most 50 megapixels may cost: four bytes a pixel, and what
# Pillow and the filter need beside them.
MEGABYTES = 700
SIZES = [0, 1, 2, 31, 32, 33, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF]


def noise(width: int, height: int) -> Image.Image:
    draws = np.random.default_rng(0)
    return Image.fromarray(draws.integers(0, 256, (height, width, 3), np.uint8))


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


PHOTO = noise(48, 36)
GREY = np.arange(48 * 36, dtype=np.uint16).reshape(36, 48) * 37
FRAMES = {"save_all": True, "append_images": [noise(48, 36).rotate(180)]}
CLEAR = PHOTO.convert("RGBA")
CLEAR.putalpha(100)
PROFILE = make_matrix_profile(ADOBE_RGB, ADOBE_GAMMA)
START = {
    "png": encode(PHOTO, "PNG"),
    "png-palette": encode(PHOTO.quantize(16), "PNG", transparency=3),
    "png-16-bits": encode(Image.fromarray(GREY), "PNG"),
    "png-clear": encode(CLEAR, "PNG", exif=turned()),
    "png-profile": encode(PHOTO, "PNG", icc_profile=PROFILE),
    "png-clear-grey": encode(PHOTO.convert("L"), "PNG", bits=4, transparency=3),
    "png-animated": encode(PHOTO, "PNG", **FRAMES),
    "jpeg": encode(PHOTO, "JPEG"),
    "jpeg-progressive": encode(PHOTO, "JPEG", progressive=True, exif=turned()),
    "jpeg-cmyk": encode(PHOTO.convert("CMYK"), "JPEG"),
    "jpeg-profile": encode(PHOTO, "JPEG", icc_profile=PROFILE),
    "webp-profile": encode(PHOTO, "WEBP", icc_profile=PROFILE),
    "webp": encode(PHOTO, "WEBP", exif=turned()),
    "webp-lossless": encode(CLEAR, "WEBP", lossless=True),
    "webp-animated": encode(PHOTO, "WEBP", **FRAMES),
    "bmp": encode(PHOTO, "BMP"),
    "bmp-palette": encode(PHOTO.quantize(16), "BMP"),
    "gif": encode(PHOTO, "GIF"),
    "gif-animated": encode(PHOTO, "GIF", **FRAMES),
}


def mutate(data: bytes, draws: random.Random, others: list[bytes]) -> bytes:
    """A few changes: bits, bytes, numbers, pieces of itself or of another form."""
    content = bytearray(data)
    for _ in range(draws.choice([1, 1, 1, 2, 4, 10])):
        if not content:
            break
        # Half of them in the headers, where sizes and kinds stand.
        reach = draws.choice([64, 400, len(content), len(content)])
        place = draws.randrange(min(reach, len(content)))
        kind = draws.randrange(8)
        if kind == 0:
            content[place] ^= 1 << draws.randrange(8)
        elif kind == 1:
            content[place] = draws.randrange(256)
        elif kind == 2:
            form = draws.choice(["<I", ">I", "<H", ">H"])
            size = struct.calcsize(form)
            number = draws.choice(SIZES) % (1 << 8 * size)
            content[place : place + size] = struct.pack(form, number)
        elif kind == 3:
            del content[place : place + draws.randrange(1, 300)]
        elif kind == 4:
            start = draws.randrange(len(content))
            piece = content[start : start + draws.randrange(1, 300)]
            content[place:place] = piece * draws.choice([1, 1, 3])
        elif kind == 5:
            other = draws.choice(others)
            start = draws.randrange(len(other))
            content[place:place] = other[start : start + draws.randrange(1, 300)]
        elif kind == 6:
            del content[place:]
        else:
            content[place:place] = draws.randbytes(draws.randrange(1, 40))
    return bytes(content)


def mutate_png(data: bytes, draws: random.Random, others: list[bytes]) -> bytes:
    """One chunk changed, but every length and checksum right, and the pixels packed."""
    chunks, place = [], 8
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        chunks.append((name, zlib.decompress(body) if name == b"IDAT" else body))
        place += 12 + size
    chosen = draws.randrange(len(chunks))
    name, body = chunks[chosen]
    kind = draws.randrange(8)
    if kind == 0:
        del chunks[chosen]
    elif kind == 1:
        chunks.insert(draws.randrange(len(chunks)), chunks[chosen])
    elif body:
        chunks[chosen] = name, mutate(body, draws, others)
    content = data[:8]
    for name, body in chunks:
        packed = name + (zlib.compress(body, 1) if name == b"IDAT" else body)
        check = struct.pack(">I", zlib.crc32(packed))
        content += struct.pack(">I", len(packed) - 4) + packed + check
    return content


@pytest.mark.parametrize("form", START)
def test_a_changed_image_gives_an_answer_or_a_sentence(
    form: str, tmp_path: Path
) -> None:
    draws = random.Random(form)
    others = list(START.values())
    taken = 0
    for number in range(EXAMPLES):
        whole_chunks = form.startswith("png") and number % 2
        change = mutate_png if whole_chunks else mutate
        data = change(START[form], draws, others)
        try:
            pixels = read_image(io.BytesIO(data), f"a.{form}", TARGET)
            assert (pixels.shape, pixels.dtype) == ((32, 32, 3), np.uint8)
            photo = read_photo(io.BytesIO(data), f"a.{form}", TARGET)
            assert np.array_equal(photo.seen, pixels)
            taken += 1
        except ImageError as error:
            assert str(error) and str(error).isprintable()
        except BaseException:
            (tmp_path / f"fuzz-{form}-{number}").write_bytes(data)
            raise
    assert 0 < taken < EXAMPLES
    status = Path("/proc/self/status")
    if "CIFARCNN_FUZZ_EXAMPLES" in os.environ and status.exists():
        # Of a process that did nothing else.
        peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) // 1024
        assert peak < MEGABYTES
