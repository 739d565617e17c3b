"""Files that are no images, all in one call of `cifarcnn predict` with a good one."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from conftest import Call


def encoded(kind: str, size: tuple[int, int] = (64, 48)) -> bytes:
    file = io.BytesIO()
    noise = Image.effect_noise(size, 90).convert("RGB")
    noise.save(file, kind)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def enormous_png(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


KINDS = "a PNG, JPEG, WebP, BMP or GIF picture"
# The file, what it holds (None: there is none), what is said of it.
CASES: dict[str, tuple[bytes | Callable[[Path], None] | None, str]] = {
    "empty.png": (b"", f"the file is empty; expected {KINDS}."),
    "missing.png": (None, "there is no such file."),
    "notes.txt": (
        b"hello",
        f"this is text (its name ends in .txt); expected {KINDS}.",
    ),
    "notes": (b"hello", f"this is text; expected {KINDS}."),
    "noise.jpg": (
        b"\xfe\xdc\xba",
        f"this is not {KINDS} (its name ends in .jpg); save it as one of these.",
    ),
    "page.png": (
        b"<!DOCTYPE html><html></html>",
        "this is a web page (HTML), not a picture: an error or a login, perhaps, that "
        "was saved in its place. Download the picture again.",
    ),
    "vector.svg": (
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "this is an SVG drawing, which is not read; convert it to PNG or JPEG.",
    ),
    "scan.tiff": (
        encoded("TIFF"),
        "this is a TIFF picture (or a camera's raw one), which is not read; convert it "
        "to PNG or JPEG.",
    ),
    "drawing.png": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "this is a PostScript drawing, which is not read; convert it to PNG or JPEG.",
    ),
    "large-file.png": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "this is the pointer that Git LFS keeps in the place of a file; git lfs pull "
        "brings the picture.",
    ),
    "zeros.jpg": (
        bytes(5000),
        "the file begins with nothing but zero bytes: it is damaged. Copy or download "
        "it again, or save it anew.",
    ),
    "header.bmp": (
        encoded("BMP")[:30] + b"\x63" + encoded("BMP")[31:],
        "this is a BMP picture with a damaged header. Copy or download it again, or "
        "save it anew.",
    ),
    "cut.png": (encoded("PNG")[:2000], "the file is cut short."),
    "cut.jpg": (encoded("JPEG")[:1500], "the file is cut short."),
    "signature.png": (b"\x89PNG\r\n\x1a\n", "the file is cut short."),
    "wide.png": (
        enormous_png(10_000, 6_000),
        "it has 10,000 x 6,000 = 60,000,000 pixels; at most 50,000,000 are accepted, "
        "or 250,000,000 of a JPEG that is not progressive. Make it smaller first.",
    ),
    "bomb.png": (
        enormous_png(60_000, 60_000),
        "it has more than 178,956,970 pixels; at most 50,000,000 are accepted, or "
        "250,000,000 of a JPEG that is not progressive. Make it smaller first.",
    ),
    "folder.png": (
        Path.mkdir,
        "the folder holds no picture: no file in it ends in .png, .jpg, .jpeg, .jpe, "
        ".webp, .bmp, .gif.",
    ),
    "pipe.png": (os.mkfifo, "this is not a regular file; expected a picture."),
    "nothing*.png": (
        None, "there is no such file, and as a pattern it matches none.",
    ),
    "test:10000000": (None, "the test split has the pictures 0 to 1999."),
    "test:one": (
        None,
        "after test: belongs the number of a picture of the test split, such as "
        "test:17, a range such as test:0-99, or * for all of them; numbers begin at "
        "0.",
    ),
    "y" * 300 + ".png": (None, "it cannot be read: File name too long."),
}  # fmt: skip


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all the files, written into the current folder; a good one last."""
    monkeypatch.chdir(tmp_path)
    for name, (content, _) in CASES.items():
        if isinstance(content, bytes):
            Path(name).write_bytes(content)
        elif content is not None:
            content(Path(name))
    Path("good.png").write_bytes(encoded("PNG"))
    return [*CASES, "good.png"]


def test_every_bad_image_is_told_and_the_good_one_answered(
    images: list[str], call: Call, trained_run: Path
) -> None:
    outcome = call(
        "predict", *images, "--run", str(trained_run), "--format", "json",
        "--device", "cpu",
    )  # fmt: skip
    assert outcome.code == 1
    *wrong, good = json.loads(outcome.stdout)
    assert wrong == [
        {"image": name, "error": message} for name, (_, message) in CASES.items()
    ]
    assert good["image"] == "good.png" and 0 < good["probability"] <= 1


def test_for_people_the_bad_ones_are_told_beside_the_table(
    images: list[str], call: Call, trained_run: Path
) -> None:
    outcome = call("predict", *images, "--run", str(trained_run), "--device", "cpu")
    drawn, shipped, *said = outcome.stderr.splitlines()
    assert drawn.startswith("note: ") and shipped.startswith("note: --run speedrun ")
    assert said == [f"{name}: {message}" for name, (_, message) in CASES.items()]
    heading, row = outcome.stdout.splitlines()
    assert heading.startswith("image") and row.startswith("good.png")
    assert outcome.code == 1
