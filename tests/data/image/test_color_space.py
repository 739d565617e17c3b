"""Pictures stored in other colour spaces are seen as their originals are.

What is stored is worked out here from the spaces' definitions, without profiles.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.matrix_profile import make_matrix_profile
from cifarcnn.data.image.photo import read_photo
from cifarcnn.data.image.target_size import TargetSize

Array = np.ndarray[Any, Any]
SIZE = (32, 32)
TARGET = TargetSize(*SIZE, "crop")

D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
PRIMARIES = {
    "sRGB": (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    "Display P3": (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    "Adobe RGB": (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
    "ProPhoto": (*D50, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001),
}
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def to_xyz(space: str) -> Array:
    """From linear red, green and blue to XYZ as seen under D65."""
    x, y = np.reshape(PRIMARIES[space], (4, 2)).T
    white, *colours = np.stack([x / y, np.ones(4), (1 - x - y) / y], axis=1)
    matrix = np.stack(colours, axis=1)
    matrix = matrix * np.linalg.solve(matrix, white)
    day = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    gain = np.diag((BRADFORD @ day) / (BRADFORD @ white))
    adapted: Array = np.linalg.inv(BRADFORD) @ gain @ BRADFORD @ matrix
    return adapted


def to_light(values: Array) -> Array:
    share = values / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def from_light(light: Array, gamma: float | None) -> Array:
    light = np.clip(light, 0, 1)
    if gamma is not None:
        share = light ** (1 / gamma)
    else:
        curved = 1.055 * light ** (1 / 2.4) - 0.055
        share = np.where(light <= 0.0031308, 12.92 * light, curved)
    return np.round(share * 255).astype(np.uint8)


def store(pixels: Array, space: str, gamma: float | None) -> Array:
    """The numbers that give the colours of sRGB ``pixels`` in another space.

    Rounded to 8 bits, they give the colours back to a few steps, no better.
    """
    matrix = np.linalg.inv(to_xyz(space)) @ to_xyz("sRGB")
    return from_light(to_light(pixels) @ matrix.T, gamma)


def originals() -> Array:
    """Every kind of colour, but for the darkest, which few bits cannot tell apart."""
    draws = np.random.default_rng(0)
    return draws.integers(40, 256, (*SIZE, 3), np.uint8)


def encode(pixels: Array | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def read(data: bytes, notes: list[str] | None = None) -> Array:
    noted = pytest.fail if notes is None else notes.append
    return read_image(io.BytesIO(data), "a", TARGET, noted)


def difference(first: Array, second: Array) -> int:
    return int(np.abs(first.astype(int) - second.astype(int)).max())


def chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def with_chunks(pixels: Array, *chunks: bytes) -> bytes:
    """A PNG with these chunks behind its header."""
    data = encode(pixels)
    return data[:33] + b"".join(chunks) + data[33:]


def gama(exponent: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(exponent * 100_000)))


def chrm(space: str) -> bytes:
    numbers = [round(number * 100_000) for number in PRIMARIES[space]]
    return chunk(b"cHRM", struct.pack(">8I", *numbers))


def make_profile(space: bytes, target: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2 for an output device."""
    place, table, content = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(content), len(data))
        content += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x3i", place + len(content), 0x02400000, b"prtr", space,
        target, b"acsp", 63190, 65536, 54061,
    )  # fmt: skip
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + content


def grey_profile(gamma: float) -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH2x", 1, round(gamma * 256))
    return make_profile(b"GRAY", b"XYZ ", {b"kTRC": curve})


def cmyk_profile(cyan: tuple[int, int, int]) -> bytes:
    """Of an ink in place of cyan; the others are all black. ``cyan``: as Lab of 8 bits.

    A lut8Type with two steps for each ink: ICC.1:2001-04, 6.5.7.
    """
    ramp = bytes(range(256))
    table = b""
    for inks in np.ndindex(2, 2, 2, 2):
        table += bytes(cyan if inks == (1, 0, 0, 0) else (0, 128, 128))
    white = bytes((255, 128, 128))
    lut = b"mft1\0\0\0\0\4\3\2\0" + struct.pack(
        ">9i", *np.eye(3, dtype=int).ravel() * 65536
    )
    lut += ramp * 4 + white + table[3:] + ramp * 3
    return make_profile(b"CMYK", b"Lab ", {b"A2B0": lut})


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("space", "gamma", "step"),
    [
        ("Display P3", None, 2),
        ("Adobe RGB", 563 / 256, 3),
        ("ProPhoto", 1.8, 5),
        ("sRGB", 1.8, 2),
        ("sRGB", 1.0, 7),  # of which few steps are left for the dark
    ],
)
def test_a_profile_leads_back_to_the_original(
    form: str, space: str, gamma: float | None, step: int
) -> None:
    pixels = originals()
    if form == "JPEG":
        # One colour in each block, whose mean is kept.
        pixels = np.kron(pixels[::8, ::8], np.ones((8, 8, 1))).astype(np.uint8)
    options = {
        "PNG": {},
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
    }[form]
    stored = store(pixels, space, gamma)
    assert difference(stored, pixels) > 8
    profile = make_matrix_profile(PRIMARIES[space], gamma)
    result = read(encode(stored, form, icc_profile=profile, **options))
    assert difference(result, pixels) <= step * (2 if form == "JPEG" else 1)


@pytest.mark.parametrize(
    ("space", "gamma", "step"),
    [("Adobe RGB", 563 / 256, 3), ("sRGB", 1.8, 2), ("Display P3", 2.2, 2)],
)
def test_the_numbers_of_a_png_lead_back_to_the_original(
    space: str, gamma: float, step: int
) -> None:
    pixels = originals()
    stored = store(pixels, space, gamma)
    data = with_chunks(stored, gama(1 / gamma), chrm(space))
    assert difference(read(data), pixels) <= step
    if space == "sRGB":
        assert np.array_equal(read(with_chunks(stored, gama(1 / gamma))), read(data))


def test_primaries_alone_have_the_curve_of_srgb() -> None:
    pixels = originals()
    data = with_chunks(store(pixels, "Display P3", None), chrm("Display P3"))
    assert difference(read(data), pixels) <= 2


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [gama(0.45455)],
        [gama(0.45455), chrm("sRGB")],
        [chrm("sRGB")],
        [chunk(b"sRGB", b"\0")],
        [chunk(b"sRGB", b"\1"), gama(1.0), chrm("ProPhoto")],
    ],
)
def test_srgb_in_a_png_keeps_every_pixel(chunks: list[bytes]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
    assert np.array_equal(read(with_chunks(pixels, *chunks)), pixels)


def test_a_profile_counts_more_than_the_numbers_beside_it() -> None:
    pixels = originals()
    stored = store(pixels, "Display P3", None)
    profile = make_matrix_profile(PRIMARIES["Display P3"], None)
    packed = chunk(b"iCCP", b"P3\0\0" + zlib.compress(profile))
    data = with_chunks(stored, packed, gama(1.0), chrm("ProPhoto"))
    assert difference(read(data), pixels) <= 2


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize(
    "profile",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        make_matrix_profile(PRIMARIES["sRGB"], None),
    ],
)
def test_a_profile_of_srgb_keeps_every_pixel(form: str, profile: bytes) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
    options = {"lossless": True} if form == "WEBP" else {}
    data = encode(pixels, form, icc_profile=profile, **options)
    assert np.array_equal(read(data), pixels)


def test_a_profile_in_several_parts_of_a_jpeg_is_whole() -> None:
    pixels = np.full((*SIZE, 3), (220, 60, 60), np.uint8)
    profile = make_matrix_profile(PRIMARIES["ProPhoto"], 1.8) + bytes(150_000)
    data = encode(
        store(pixels, "ProPhoto", 1.8), "JPEG", quality=100, icc_profile=profile
    )
    assert data.count(b"ICC_PROFILE\0") == 3
    assert difference(read(data), pixels) <= 6


def test_a_large_photo_of_a_phone_is_converted_too() -> None:
    draws = np.random.default_rng(0)
    small = Image.fromarray(draws.integers(40, 230, (12, 16, 3), np.uint8))
    pixels = np.asarray(small.resize((2000, 1500), Image.Resampling.BICUBIC))
    profile = make_matrix_profile(PRIMARIES["Display P3"], None)
    stored = store(pixels, "Display P3", None)
    data = encode(stored, "JPEG", quality=95, icc_profile=profile)
    plain = read(encode(pixels, "JPEG", quality=95))
    assert difference(read(encode(stored, "JPEG", quality=95)), plain) > 8
    assert difference(read(data), plain) <= 5
    shown = read_photo(io.BytesIO(data), "a", TARGET).pixels
    reduced = read_photo(io.BytesIO(encode(pixels, "PNG")), "a", TARGET).pixels
    assert np.abs(shown.astype(int) - reduced).mean() < 2


@pytest.mark.parametrize("said", [{0xA001: 0xFFFF, 0xA005: {1: "R03"}}, {0xA001: 2}])
def test_an_adobe_rgb_photo_may_say_so_in_exif_alone(said: dict[int, Any]) -> None:
    pixels = np.full((*SIZE, 3), (90, 160, 60), np.uint8)
    exif = Image.Exif()
    exif[0x8769] = said
    stored = store(pixels, "Adobe RGB", 563 / 256)
    data = encode(stored, "JPEG", quality=100, subsampling=0, exif=exif)
    assert difference(stored, pixels) > 8
    assert difference(read(data), pixels) <= 4


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_greys_have_profiles_too(mode: str) -> None:
    grey = np.arange(32, 256, dtype=np.uint8)[:, None].repeat(224, 1)[: SIZE[0], :32]
    stored = Image.fromarray(from_light(to_light(grey), 1.8)).convert(mode)
    result = read(encode(stored, icc_profile=grey_profile(1.8)))
    assert difference(result, grey[:, :, None]) <= 1
    result = read(
        encode(stored, icc_profile=make_matrix_profile(PRIMARIES["sRGB"], 1.8))
    )
    assert difference(result, grey[:, :, None]) <= 1


def test_the_inks_of_a_cmyk_picture_are_those_of_its_profile() -> None:
    inks = Image.new("CMYK", SIZE, (255, 0, 0, 0))
    assert read(encode(inks, "JPEG"))[5, 5].tolist() == [0, 255, 255]
    # Lab (53.6, 0, 0) is the grey 128 of sRGB.
    data = encode(inks, "JPEG", quality=100, icc_profile=cmyk_profile((137, 128, 128)))
    assert difference(read(data), np.full((*SIZE, 3), 128)) <= 3


def test_colours_are_converted_before_they_lie_on_white() -> None:
    profile = make_matrix_profile(PRIMARIES["sRGB"], 1.0)
    image = Image.new("RGBA", SIZE, (55, 55, 55, 128))
    # The light 55/255 is the grey 128 of sRGB, half of it beside half of white.
    result = read(encode(image, icc_profile=profile))
    assert difference(result, np.full((*SIZE, 3), 191)) <= 1
    palette = Image.new("P", SIZE, 1)
    palette.putpalette([0, 0, 0, 55, 55, 55])
    data = encode(palette, icc_profile=profile, transparency=bytes((255, 128)))
    assert np.array_equal(read(data), result)


DAMAGED = "its colour profile is damaged and was left out"
P3 = make_matrix_profile(PRIMARIES["Display P3"], None)


def damaged_png(content: bytes) -> Callable[[Array], bytes]:
    return lambda pixels: with_chunks(pixels, chunk(b"iCCP", content))


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (lambda pixels: encode(pixels, icc_profile=b"nonsense" * 50), DAMAGED),
        (lambda pixels: encode(pixels, icc_profile=P3[:200]), DAMAGED),
        (
            lambda pixels: encode(pixels, icc_profile=P3.replace(b"para", b"pxra")),
            DAMAGED,
        ),
        (lambda pixels: encode(pixels, icc_profile=P3 + b"mpet"), DAMAGED),
        (
            lambda pixels: encode(
                pixels, "WEBP", lossless=True, icc_profile=P3[:200]
            ),
            DAMAGED,
        ),
        (damaged_png(b"x\0\0nonsense"), DAMAGED),
        (damaged_png(b"x\0\1" + zlib.compress(P3)), DAMAGED),
        (damaged_png(b"x"), DAMAGED),
        (damaged_png(b"x\0\0" + zlib.compress(P3 + bytes(2_000_000))), DAMAGED),
        (lambda pixels: with_chunks(pixels, gama(0)), DAMAGED),
        (
            lambda pixels: with_chunks(pixels, chunk(b"cHRM", bytes(32))),
            DAMAGED,
        ),
        (
            lambda pixels: encode(pixels, icc_profile=grey_profile(1.8)),
            "its colour profile is one for grey and does not fit its RGB pixels; it "
            "was left out",
        ),
        (
            lambda pixels: encode(pixels, icc_profile=cmyk_profile((0, 0, 0))),
            "its colour profile is one for CMYK and does not fit its RGB pixels; it "
            "was left out",
        ),
        (
            lambda pixels: encode(
                pixels,
                icc_profile=ImageCms.ImageCmsProfile(
                    ImageCms.createProfile("LAB")
                ).tobytes(),
            ),
            "its colour profile is for Lab colours and was left out",
        ),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_used_is_left_out_with_a_note(
    make: Callable[[Array], bytes], note: str
) -> None:
    pixels = originals()
    notes: list[str] = []
    assert np.array_equal(read(make(pixels), notes), pixels)
    assert notes == [note]


def test_a_png_may_have_several_profiles_that_pillow_fails_on() -> None:
    pixels = originals()
    large = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2_000_000)))
    notes: list[str] = []
    assert np.array_equal(
        read(with_chunks(pixels, large, gama(0.45), large), notes), pixels
    )
    assert notes == [DAMAGED]


def test_a_jpeg_that_lacks_a_part_of_its_profile_is_read_without_it() -> None:
    pixels = np.full((*SIZE, 3), 99, np.uint8)
    data = encode(pixels, "JPEG", icc_profile=P3 + bytes(150_000))
    begin = data.index(b"\xff\xe2", data.index(b"ICC_PROFILE\0") + 20)
    end = begin + 2 + int.from_bytes(data[begin + 2 : begin + 4], "big")
    notes: list[str] = []
    assert difference(read(data[:begin] + data[end:], notes), pixels) <= 1
    assert notes == [DAMAGED]
