"""What is said of files that are no pictures, and of pictures of other kinds."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import pytest
from PIL import Image

from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import ImageError

TARGET = TargetSize(32, 32, "crop")

AGAIN = "Copy or download it again, or save it anew."


def encode(form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((40, 30), 90).convert("RGB").save(file, form, **options)
    return file.getvalue()


def refusal(data: bytes, name: str = "a.png") -> str:
    with pytest.raises(ImageError) as raised:
        read_image(io.BytesIO(data), name, TARGET)
    return str(raised.value)


def kind(text: str) -> str:
    return f"this is {text}, which is not read; convert it to PNG or JPEG."


def box(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1miaf" + bytes(40)


# Written by libjpeg-turbo, CharLS and libaom: 8x8 grey.
TWELVE_BITS = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00IF40RaI50RaI50s;a81OoyB0s;jD1Oo&H1qKEN1qKEN2M"
    "GuU2MGrT1_%oX2?`1d3JL}Y3k(Yi3<(Mf3je_X3k(1V00;pA5di<h02BZL0000000000000000000D"
    "|HJ?k5CH%H0000000000000000095m00;pA002J#K7Ie$"
)
LOSSLESS = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|HA+a5C8}O2mt{R0RO}Q6#xMN0000000000000000000F|Jncu0Ra"
    "F3004pWfB*mh00000|Je"
)
JPEG_LS = base64.b85decode(
    "|JeWN03cIPNk&Eh0ssI300008000083J3-P0003j0003j|L6b+00001|JeWc01F5J2mlBH0TBTI+5i"
    "Xv0RR91000du=l_2H*#"
)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (TWELVE_BITS, "JPEG with 12 bits per sample"),
        (LOSSLESS, "lossless JPEG"),
        (JPEG_LS, "JPEG-LS picture"),
        (LOSSLESS.replace(b"\xff\xc3", b"\xff\xc5"), "hierarchical JPEG"),
        (
            TWELVE_BITS.replace(b"\xff\xc1", b"\xff\xc9"),
            "JPEG with arithmetic coding",
        ),
    ],
)
def test_a_rare_jpeg_is_named(data: bytes, what: str) -> None:
    assert refusal(data) == (
        f"this is a {what}, which is not read; save it as an ordinary JPEG."
    )


def test_a_png_of_xcode_is_named() -> None:
    # As Xcode makes them: a chunk more, raw deflate, and blue first.
    squeeze = zlib.compressobj(wbits=-15)
    pixels = squeeze.compress(bytes(8 * 33)) + squeeze.flush()
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in (
        (b"CgBI", b"\x50\0\x20\x02"),
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 6, 0, 0, 0)),
        (b"IDAT", pixels),
        (b"IEND", b""),
    ):
        data += struct.pack(">I", len(body)) + name + body
        data += struct.pack(">I", zlib.crc32(name + body))
    assert refusal(data) == (
        "this is a PNG in Apple's own form (CgBI), as Xcode packs it into apps; "
        "convert it to an ordinary PNG: pngcrush -revert-iphone-optimizations, or take "
        "the picture from the app's sources."
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (box(b"heic"), "a HEIC picture"),
        (box(b"mif1"), "a HEIC picture"),
        (box(b"avif"), "an AVIF picture"),
        (encode("AVIF"), "an AVIF picture"),
        (box(b"crx "), "a camera's raw picture (CR3)"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(90), "a camera's raw picture (CR2)"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw picture"),
        (encode("TIFF"), "a TIFF picture (or a camera's raw one)"),
        (encode("TIFF", big_tiff=True), "a TIFF picture (or a camera's raw one)"),
        (encode("JPEG2000"), "a JPEG 2000 picture"),
        (encode("JPEG2000", no_jp2=True), "a JPEG 2000 picture"),
        (b"\xff\x0a\x40\x24" + bytes(30), "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(30), "a JPEG XL picture"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (encode("PDF"), "a PDF document"),
        (encode("EPS"), "a PostScript drawing"),
        (encode("ICO", sizes=[(16, 16)]), "an icon (ICO, CUR)"),
        (encode("ICNS"), "an icon (ICNS)"),
        (encode("PPM"), "a portable pixmap (PBM, PGM, PPM)"),
        (encode("QOI"), "a QOI picture"),
        (encode("DDS"), "a DirectDraw picture (DDS)"),
        (b"8BPS\0\1" + bytes(20), "a Photoshop picture"),
        (b"gimp xcf v011\0", "a GIMP picture (XCF)"),
        (b"<svg width='9'></svg>", "an SVG drawing"),
        (
            b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<!DOCTYPE svg PUBLIC '
            b'"-" "http://www.w3.org/x.dtd">\n<svg/>',
            "an SVG drawing",
        ),
    ],
)
def test_a_picture_of_another_kind_is_named(data: bytes, what: str) -> None:
    assert refusal(data) == kind(what)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            b"\n<!doctype HTML>\n<html lang='en'>",
            "this is a web page (HTML), not a picture: an error or a login, perhaps, "
            "that was saved in its place. Download the picture again.",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n",
            "this is the pointer that Git LFS keeps in the place of a file; git lfs "
            "pull brings the picture.",
        ),
        (
            b"\0\5\x16\7\0\2\0\0Mac OS X        ",
            "this is what macOS notes beside a file, not the picture: that lies beside "
            "it, under the same name without ._ in front.",
        ),
        (
            b"<!-- saved --><html><body><svg/></body></html>",
            "this is a web page (HTML), not a picture: an error or a login, perhaps, "
            "that was saved in its place. Download the picture again.",
        ),
        (
            b"<!---->" * 200,  # could be taken apart in very many ways
            "this is text (its name ends in .png); expected a PNG, JPEG, WebP, BMP or "
            "GIF picture.",
        ),
        (b"PK\3\4" + bytes(40), "this is an archive; unpack it first."),
        (zlib.compress(b"", wbits=31), "this is an archive; unpack it first."),
        (
            box(b"isom"),
            "this is a film; save one of its frames as PNG or JPEG.",
        ),
        (b"\x93NUMPY\1\0", "this is an array of NumPy's; save it as PNG first."),
        (
            bytes(4096),
            f"the file begins with nothing but zero bytes: it is damaged. {AGAIN}",
        ),
        (
            '{"error": "nicht gefunden: Größe"}'.encode(),
            "this is text (its name ends in .png); expected a PNG, JPEG, WebP, BMP or "
            "GIF picture.",
        ),
        (
            encode("TGA"),  # begins almost as an icon does
            "this is not a PNG, JPEG, WebP, BMP or GIF picture (its name ends in "
            ".png); save it as one of these.",
        ),
        (
            bytes(range(200, 256)),
            "this is not a PNG, JPEG, WebP, BMP or GIF picture (its name ends in "
            ".png); save it as one of these.",
        ),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, sentence: str) -> None:
    assert refusal(data) == sentence


@pytest.mark.parametrize(
    ("form", "name", "place", "put"),
    [
        ("PNG", "PNG", 0, b"\x09PNG\n\x1a\n"),  # line ends changed on the way
        ("PNG", "PNG", 12, b"IHDX"),
        ("PNG", "PNG", 24, b"\x07"),
        ("JPEG", "JPEG", 0, b"\x7f"),
        ("WEBP", "WebP", 12, b"VP9 "),
        ("BMP", "BMP", 14, b"\x28\0\0\0\0\0\0\0\0\0\0\0"),
        ("BMP", "BMP", 30, b"\x63"),
        ("GIF", "GIF", 0, b"XIF"),
    ],
)
def test_a_damaged_header_is_told(form: str, name: str, place: int, put: bytes) -> None:
    data = bytearray(encode(form))
    data[place : place + len(put)] = put
    assert refusal(bytes(data)) == (
        f"this is a {name} picture with a damaged header. {AGAIN}"
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("kept", [18, 24])
def test_a_file_that_ends_within_its_header_is_cut_short(form: str, kept: int) -> None:
    assert refusal(encode(form)[:kept]) == "the file is cut short."


def test_a_jpeg_that_ends_within_its_exif_is_cut_short() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 30_000
    assert refusal(encode("JPEG", exif=exif)[:9_000]) == "the file is cut short."
