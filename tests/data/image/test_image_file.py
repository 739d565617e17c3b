"""Images of every mode, and files that are none."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cifarcnn.data.image import image_file as module
from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.photo import read_photo
from cifarcnn.data.image.pixel_mode import prepare_mode
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import ImageError
from tests.data.image.orientations import STORED

TARGET = TargetSize(32, 32, "crop")

RED, WHITE = (255, 0, 0), (255, 255, 255)


def encode(image: Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def read(data: bytes, name: str = "picture") -> np.ndarray:
    return read_image(io.BytesIO(data), name, TARGET)


def refusal(source, name: str = "picture") -> str:
    source = io.BytesIO(source) if isinstance(source, bytes) else source
    with pytest.raises(ImageError) as caught:
        read_image(source, name, TARGET)
    return str(caught.value)


def noise(width: int = 32, height: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_a_image_of_32_by_32_keeps_every_pixel(form, options):
    pixels = noise()
    result = read(encode(Image.fromarray(pixels), form, **options))
    assert np.array_equal(result, pixels)
    assert (result.dtype, result.shape) == (np.uint8, (32, 32, 3))
    assert result.flags.writeable


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("size", [(640, 480), (32, 47), (7, 3), (1, 1), (1, 500)])
def test_every_format_and_size_keeps_a_plain_colour(form, size):
    result = read(encode(Image.new("RGB", size, (200, 100, 50)), form))
    assert np.abs(result.astype(int) - (200, 100, 50)).max() <= 4


def half_clear_palette() -> bytes:
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 0, *RED])
    return encode(image, transparency=bytes([255, 0]))


def sixteen_bits(value: int, **options) -> bytes:
    return encode(Image.fromarray(np.full((40, 40), value, np.uint16)), **options)


# What facts 2.5 of Pillow's behaviour make of each mode, and what it should be.
@pytest.mark.parametrize(
    ("data", "colour"),
    [
        (encode(Image.new("1", (40, 40), 1)), WHITE),
        (encode(Image.new("L", (40, 40), 77)), (77, 77, 77)),
        (encode(Image.new("LA", (40, 40), (77, 255))), (77, 77, 77)),
        (encode(Image.new("LA", (40, 40), (77, 0))), WHITE),
        (encode(Image.new("RGB", (40, 40), RED)), RED),
        (encode(Image.new("RGBA", (40, 40), (*RED, 255))), RED),
        (encode(Image.new("RGBA", (40, 40), (*RED, 0))), WHITE),
        (encode(Image.new("RGBA", (32, 32), (*RED, 128))), (255, 127, 127)),
        (encode(Image.new("RGB", (40, 40), RED), transparency=RED), WHITE),
        (encode(Image.new("L", (40, 40), 77), transparency=77), WHITE),
        (encode(Image.new("RGB", (40, 40), RED).quantize(4)), RED),
        (half_clear_palette(), WHITE),
        (encode(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG"), RED),
        (sixteen_bits(0), (0, 0, 0)),
        (sixteen_bits(300), (1, 1, 1)),
        (sixteen_bits(32_896), (128, 128, 128)),
        (sixteen_bits(65_535), WHITE),
        (sixteen_bits(300, transparency=300), WHITE),
    ],
)
def test_every_mode_gives_the_colour_that_a_viewer_shows(data, colour):
    result = read(data).reshape(-1, 3)
    assert result.min(axis=0).tolist() == list(colour)
    assert result.max(axis=0).tolist() == list(colour)


@pytest.mark.parametrize("mode", ["I", "F", "LAB", "HSV"])
def test_other_modes_are_refused(mode):
    with pytest.raises(ImageError) as caught:
        prepare_mode(Image.new(mode, (4, 4)))
    assert str(caught.value) == (
        f"its pixels have the mode {mode}; expected grey or colour with 8 or 16 bits."
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_rotation_of_a_camera_is_applied(form, orientation):
    # Four quarters of different grey, as they should be seen.
    seen = np.kron([[0, 80], [160, 240]], np.ones((32, 32))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](seen))).convert(
        "RGB"
    )
    result = read(encode(stored, form, exif=exif))
    corners = result[[4, 4, 27, 27], [4, 27, 4, 27], 0].astype(int)
    assert np.abs(corners - (0, 80, 160, 240)).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_size_that_is_no_square_is_cut_from_the_image_as_it_is_seen(orientation):
    seen = np.zeros((40, 90, 3), np.uint8)
    seen[:, 15:75] = (0, 90, 180)  # the middle of the shape 2 to 3
    seen[:20, 15:45] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](seen)))
    data = io.BytesIO(encode(stored, "PNG", exif=exif))
    result = read_image(data, "a.png", TargetSize(20, 30, "crop"))
    assert (result.dtype, result.shape) == (np.uint8, (20, 30, 3))
    # Clear of the edges, where the filter rings.
    for part, colour in [
        (result[2:7, 2:12], (255, 255, 255)),
        (result[13:18, 2:28], (0, 90, 180)),
        (result[2:7, 18:28], (0, 90, 180)),
    ]:
        assert np.abs(part.astype(int) - colour).max() <= 4
    photo = read_photo(io.BytesIO(data.getvalue()), "a.png", TargetSize(20, 30, "crop"))
    assert photo.crop == (0, 15, 40, 75)
    assert np.array_equal(photo.seen, result)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0nonsense", b"Exif\0\0MM\0*\xff\xff\xff\xff"]
)
def test_a_broken_exif_block_does_not_lose_the_image(exif):
    data = encode(Image.new("RGB", (32, 32), RED), "JPEG", exif=exif)
    assert read(data)[0, 0, 0] > 250


@pytest.mark.parametrize("shape", ["wide", "tall"])
def test_the_middle_square_is_cut_out(shape):
    pixels = np.zeros((64, 192, 3), np.uint8)
    pixels[:, 64:128] = 255
    pixels[:, 64:96, 1] = 0
    if shape == "tall":
        pixels = pixels.transpose(1, 0, 2)
    result = read(encode(Image.fromarray(np.ascontiguousarray(pixels))))
    result = result if shape == "wide" else result.transpose(1, 0, 2)
    assert (result[:, 3:13] == (255, 0, 255)).all()
    assert (result[:, 19:29] == 255).all()


def test_shrinking_averages_instead_of_picking_pixels():
    board = np.indices((512, 512)).sum(axis=0) % 2 * 255
    result = read(encode(Image.fromarray(board.astype(np.uint8))))
    assert np.abs(result.astype(int) - 127).max() <= 2


def test_a_hidden_colour_does_not_bleed_at_a_clear_edge():
    pixels = np.zeros((128, 128, 4), np.uint8)
    pixels[:, :64] = (0, 0, 255, 255)
    pixels[:, 64:] = (255, 0, 0, 0)
    result = read(encode(Image.fromarray(pixels))).astype(int)
    assert (result[..., 0] <= result[..., 2] + 1).all()  # nowhere redder than white


def test_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, (0, 0, 255))]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read(data)[5, 5].tolist() == list(RED)


def test_a_path_and_a_stream_give_the_same(tmp_path):
    data = encode(Image.fromarray(noise(90, 60)))
    (tmp_path / "a.png").write_bytes(data)
    assert np.array_equal(read_image(tmp_path / "a.png", "a.png", TARGET), read(data))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_file_cut_short_is_refused(form, kept):
    data = encode(Image.fromarray(noise(60, 40)), form)
    assert refusal(data[: int(len(data) * kept)]) == "the file is cut short."


def test_damaged_pixels_are_refused():
    data = bytearray(encode(Image.fromarray(noise(60, 40)), "PNG"))
    data[data.index(b"IDAT") + 20] ^= 0xFF
    assert refusal(bytes(data)) == "the file is damaged: its pixels cannot be read."


def test_a_palette_with_more_transparencies_than_colours_is_refused():
    image = Image.new("P", (4, 4))
    image.putpalette([0, 0, 0, *RED])
    data = encode(image, transparency=bytes(2))
    place = data.index(b"tRNS") - 4
    chunk = b"tRNS" + bytes(300)
    longer = struct.pack(">I", 300) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert refusal(data[:place] + longer + data[place + 14 :]) == (
        "the file is damaged: its pixels cannot be read."
    )


def test_an_empty_file_is_refused():
    assert refusal(b"") == (
        "the file is empty; expected a PNG, JPEG, WebP, BMP or GIF picture."
    )


def png_of_size(width: int, height: int) -> bytes:
    """The head of a PNG that claims a size; there are hardly any pixels behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x")


@pytest.mark.parametrize(
    ("width", "height", "found"),
    [
        (7_072, 7_071, "7,072 x 7,071 = 50,006,112"),
        (10_000, 10_000, "10,000 x 10,000 = 100,000,000"),
    ],
)
def test_too_many_pixels_are_refused_before_they_are_read(width, height, found):
    assert refusal(png_of_size(width, height)) == (
        f"it has {found} pixels; at most 50,000,000 are accepted, or 250,000,000 of a "
        "JPEG that is not progressive. Make it smaller first."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_81_megapixels_in_80_kilobytes_are_refused_in_little_memory(
    tmp_path: Path,
) -> None:
    squeeze = zlib.compressobj(9)
    row = bytes(1 + 3 * 9_000)
    pixels = b"".join([*(squeeze.compress(row) for _ in range(9_000)), squeeze.flush()])

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", 9_000, 9_000, 8, 2, 0, 0, 0)
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )
    assert bomb.stat().st_size < 300_000
    done = subprocess.run(
        [sys.executable, "-c", PEAK, bomb], capture_output=True, text=True
    )
    said, megabytes = done.stdout.splitlines()
    assert said == (
        "it has 9,000 x 9,000 = 81,000,000 pixels; at most 50,000,000 are accepted, "
        "or 250,000,000 of a JPEG that is not progressive. Make it smaller first."
    )
    assert int(megabytes) < 300


PEAK = """
import sys
from pathlib import Path
from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import ImageError
try:
    target = TargetSize(32, 32, "crop")
    print(read_image(Path(sys.argv[1]), sys.argv[1], target).shape)
except ImageError as error:
    print(error)
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


def test_a_bomb_is_refused():
    assert refusal(png_of_size(60_000, 60_000)) == (
        "it has more than 178,956,970 pixels; at most 50,000,000 are accepted, or "
        "250,000,000 of a JPEG that is not progressive. Make it smaller first."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_jpeg_of_200_megapixels_is_read_in_little_memory(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    Image.linear_gradient("L").resize((16_320, 12_240)).save(photo)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, photo], capture_output=True, text=True
    )
    said, megabytes = done.stdout.splitlines()
    assert said == "(32, 32, 3)"
    assert int(megabytes) < 150
    target = TargetSize(32, 32, "stretch")
    seen = read_image(photo, "photo.jpg", target).astype(int)
    small = Image.linear_gradient("L").resize((32, 32), Image.Resampling.LANCZOS)
    assert np.abs(seen - np.asarray(small)[..., None]).max() <= 2


def jpeg_of_size(width: int, height: int, **options: Any) -> bytes:
    """One that claims a size; there are hardly any pixels behind it."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", **options)
    return re.sub(
        b"(\xff[\xc0\xc2]\0\x11\x08)\0\x08\0\x08",
        lambda found: found[1] + struct.pack(">HH", height, width),
        file.getvalue(),
        count=1,
    )


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (jpeg_of_size(16_000, 16_000), "16,000 x 16,000 = 256,000,000"),
        (jpeg_of_size(8_000, 8_000, progressive=True), "8,000 x 8,000 = 64,000,000"),
        # Each component has a scan of its own.
        (
            jpeg_of_size(8_000, 8_000).replace(
                b"\xff\xda\0\x0c\3", b"\xff\xda\0\x0c\1"
            ),
            "8,000 x 8,000 = 64,000,000",
        ),
    ],
)
def test_a_jpeg_that_takes_too_much_memory_or_time_is_refused(data, found):
    assert refusal(data) == (
        f"it has {found} pixels; at most 50,000,000 are accepted, or 250,000,000 of a "
        "JPEG that is not progressive. Make it smaller first."
    )


def test_a_large_jpeg_is_refused_where_it_cannot_be_decoded_smaller():
    with pytest.raises(ImageError) as raised:
        read_image(
            io.BytesIO(jpeg_of_size(9_000, 8_000)), "a", TargetSize(1024, 1024, "crop")
        )
    assert str(raised.value) == (
        "it has 9,000 x 8,000 = 72,000,000 pixels, and a network that takes so large "
        "pictures needs 9,000 x 8,000 of them; at most 50,000,000 are decoded. Make it "
        "smaller first."
    )


def test_too_many_bytes_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 2_000_000)
    assert refusal(bytes(2_000_001)) == "it is larger than 2 MB, the most that is read."


def test_what_is_no_file_is_refused(tmp_path: Path):
    assert refusal(tmp_path) == "this is a folder; expected a picture."
    assert refusal(tmp_path / "gone.png") == "there is no such file."
    assert refusal(Path("a\0b")) == "this is not the name of a file."
    assert refusal(Path(os.devnull)) == (
        "this is not a regular file; expected a picture."
    )
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == (
        "this is not a regular file; expected a picture."
    )
    (tmp_path / "file").write_bytes(b"x")
    assert refusal(tmp_path / "file" / "inside.png") == (
        "it cannot be read: Not a directory."
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_images_give_a_image_or_a_sentence(data):
    form = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "GIF"]))
    content = bytearray(encode(Image.fromarray(noise(40, 36)), form))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )
    try:
        assert read(bytes(content)).shape == (32, 32, 3)
    except ImageError as error:
        assert str(error).endswith((".", "first."))


def test_an_image_on_its_side_keeps_all_that_fits_a_network_of_another_shape() -> None:
    upright = Image.new("RGB", (80, 40), "black")
    upright.paste((255, 255, 255), (0, 0, 10, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    # As a camera keeps it: turned, and a note on how to turn it back.
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    seen = read_image(
        io.BytesIO(encode(turned, exif=exif)), "x.png", TargetSize(20, 40, "crop")
    )
    assert (seen[:, :4] > 200).all() and (seen[:, 8:] < 50).all()


def with_chunk(data: bytes, name: bytes, content: bytes) -> bytes:
    """A PNG with one chunk more, after its header."""
    check = struct.pack(">I", zlib.crc32(name + content))
    length = struct.pack(">I", len(content))
    return data[:33] + length + name + content + check + data[33:]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"zTXt", b"workflow\0\0" + zlib.compress(bytes(3_000_000))),
        (b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(bytes(3_000_000))),
        (b"zTXt", b"packed\0\7in an unknown way"),
        (b"pHYs", b"\0"),
        (b"acTL", b""),
    ],
)
def test_what_is_no_matter_of_the_pixels_does_not_lose_them(name, content):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = noise()
    data = encode(Image.fromarray(pixels), icc_profile=profile)
    notes: list[str] = []
    stream = io.BytesIO(with_chunk(data, name, content))
    seen = read_image(stream, "picture", TARGET, notes.append)
    assert np.array_equal(seen, pixels)
    assert notes == []


@pytest.mark.parametrize("name", [b"gAMA", b"cHRM", b"sRGB"])
def test_a_colour_space_that_is_cut_short_is_left_out_with_a_note(name):
    pixels = noise()
    notes: list[str] = []
    stream = io.BytesIO(with_chunk(encode(Image.fromarray(pixels)), name, b""))
    seen = read_image(stream, "picture", TARGET, notes.append)
    assert np.array_equal(seen, pixels)
    assert notes == ["its colour profile is damaged and was left out"]
