"""What a file is that is not read as a picture, by its first bytes and headers."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePath

from cifarcnn.data.image.jpeg_segments import ends_in_header, find_frame
from cifarcnn.data.image.png_chunks import list_chunks

ACCEPTED = "a PNG, JPEG, WebP, BMP or GIF picture"
_CONVERT = "{}, which is not read; convert it to PNG or JPEG."
_AGAIN = "Copy or download it again, or save it anew."
_BEGINNING = 1024
_SHORTEST = 26  # no BMP or GIF is

# Of an ISO base media file (ISO/IEC 14496-12): its brand, at byte 8.
_BRANDS = {
    "a HEIC picture": "heic heix heim heis hevc hevx mif1 msf1",
    "an AVIF picture": "avif avis",
    "a camera's raw picture (CR3)": "crx",
}
# Patterns of the first bytes, the more special ones first; none may backtrack far.
_PICTURES: list[tuple[str, bytes]] = [
    ("a camera's raw picture (CR2)", rb"II\*\0....CR"),
    ("a camera's raw picture", rb"IIRO|IIRS|MMOR|IIU\0|FUJIFILMCCD-RAW|FOVb|\0MRM"),
    ("a TIFF picture (or a camera's raw one)", rb"II\*\0|MM\0\*|II\+\0|MM\0\+"),
    ("a JPEG XR picture", rb"II\xbc"),
    ("a JPEG XL picture", rb"\xff\x0a|\0\0\0\x0cJXL "),
    ("a JPEG 2000 picture", rb"\0\0\0\x0cjP|\xff\x4f\xff\x51"),
    ("a PDF document", rb"%PDF-"),
    ("a PostScript drawing", rb"%!PS|\xc5\xd0\xd3\xc6"),
    ("an icon (ICO, CUR)", rb"\0\0[\x01\x02]\0[^\0]\0"),
    ("an icon (ICNS)", rb"icns"),
    ("a Photoshop picture", rb"8BP[SB]"),
    ("a GIMP picture (XCF)", rb"gimp xcf"),
    ("an MNG or JNG picture", rb"\x8aMNG|\x8bJNG"),
    ("a QOI picture", rb"qoif"),
    ("a portable pixmap (PBM, PGM, PPM)", rb"P[1-6Ff]\s+[-\d#]|P7\s"),
    ("an OpenEXR picture", rb"\x76\x2f\x31\x01"),
    ("a Radiance HDR picture", rb"#\?RADIANCE|#\?RGBE"),
    ("a DirectDraw picture (DDS)", rb"DDS "),
    ("a DjVu document", rb"AT&TFORM"),
    ("a Windows metafile (WMF, EMF)", rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF"),
    ("a FITS picture", rb"SIMPLE  ="),
    ("a DICOM picture", rb".{128}DICM"),
    ("an SVG drawing", rb"\s*<(?:svg\b|[?!].*<svg\b)"),
]
_OTHERS: list[tuple[str, bytes]] = [
    (
        "the pointer that Git LFS keeps in the place of a file; git lfs pull brings "
        "the picture.",
        rb"version https://git-lfs",
    ),
    (
        "a web page (HTML), not a picture: an error or a login, perhaps, that was "
        "saved in its place. Download the picture again.",
        rb"\s*<(?:(?:!doctype )?html\b|head\b|body\b|[?!].*<html\b)",
    ),
    (
        "what macOS notes beside a file, not the picture: that lies beside it, under "
        "the same name without ._ in front.",
        rb"\0\x05\x16\x07",
    ),
    (
        "an archive; unpack it first.",
        rb"PK\x03\x04|\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd|.{257}ustar",
    ),
    (
        "a film; save one of its frames as PNG or JPEG.",
        rb"....ftyp|....(moov|mdat|wide)|\x1aE\xdf\xa3|RIFF....AVI.|\0\0\x01\xba",
    ),
    ("an array of NumPy's; save it as PNG first.", rb"\x93NUMPY"),
]
_ACCEPTED_BEGINNINGS: list[tuple[str, bytes]] = [
    ("PNG", rb"\x89PNG|.PNG\r?\n|.{12}IHDR"),
    ("JPEG", rb"\xff\xd8|.{6}(JFIF|Exif)\0"),
    ("WebP", rb"RIFF....WEBP|.{8}WEBPVP8"),
    ("BMP", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    ("GIF", rb"GIF8|.IF8[79]a"),
]
# Of the process in the marker of a frame: ITU-T T.81, table B.1.
_PROCESSES = {
    "lossless JPEG": (0xC3, 0xC7, 0xCB, 0xCF),
    "hierarchical JPEG": (0xC5, 0xC6, 0xCD, 0xCE),
    "JPEG with arithmetic coding": (0xC9, 0xCA),
    "JPEG-LS picture": (0xF7,),
}


def describe_unsupported(data: bytes, name: str) -> str:
    """The sentence for a file that cannot be opened as a picture.

    Args:
        data: Its bytes; not empty.
        name: What the user calls it.
    """
    variant = describe_variant(data)
    if variant is not None:
        return variant
    start = data[:_BEGINNING].removeprefix(codecs.BOM_UTF8)
    if not start.strip(b"\0"):
        return f"the file begins with nothing but zero bytes: it is damaged. {_AGAIN}"
    brand = start[8:12].decode("latin-1").strip() if start[4:8] == b"ftyp" else ""
    for kind, brands in _BRANDS.items():
        if brand in brands.split():
            return f"this is {_CONVERT.format(kind)}"
    for kind, pattern in _OTHERS:
        if _begins(start, pattern):
            return f"this is {kind}"
    for kind, pattern in _PICTURES:
        if _begins(start, pattern):
            return f"this is {_CONVERT.format(kind)}"
    for kind, pattern in _ACCEPTED_BEGINNINGS:
        if _begins(start, pattern):
            if _is_cut_short(kind, data):
                return "the file is cut short."
            return f"this is a {kind} picture with a damaged header. {_AGAIN}"
    ending = PurePath(name).suffix
    hint = f" (its name ends in {ending})" if ending else ""
    if _is_text(start):
        return f"this is text{hint}; expected {ACCEPTED}."
    return f"this is not {ACCEPTED}{hint}; save it as one of these."


def describe_variant(data: bytes) -> str | None:
    """What to say of a file that Pillow has failed on; ``None``: it is no variant."""
    if data[12:16] == b"CgBI":
        return (
            "this is a PNG in Apple's own form (CgBI), as Xcode packs it into apps; "
            "convert it to an ordinary PNG: pngcrush -revert-iphone-optimizations, or "
            "take the picture from the app's sources."
        )
    frame = find_frame(data)
    if frame is None:
        return None
    process, bits, components = frame
    kinds = [kind for kind, markers in _PROCESSES.items() if process in markers]
    if not kinds and bits != 8:
        kinds = [f"JPEG with {bits} bits per sample"]
    if not kinds and components not in (1, 3, 4):
        kinds = [f"JPEG with {components} components"]
    if not kinds:
        return None
    return f"this is a {kinds[0]}, which is not read; save it as an ordinary JPEG."


def _is_cut_short(kind: str, data: bytes) -> bool:
    if kind == "PNG":
        ends = [chunk.end for chunk in list_chunks(data)]
        return len(data) < _SHORTEST or max(ends, default=0) > len(data)
    if kind == "JPEG":
        return ends_in_header(data)
    if kind == "WebP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return len(data) < _SHORTEST


def _begins(start: bytes, pattern: bytes) -> bool:
    return re.match(pattern, start, re.DOTALL | re.IGNORECASE) is not None


def _is_text(start: bytes) -> bool:
    try:
        # Unlike ``bytes.decode``, it waits for the rest of a character that is cut.
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char.isspace() for char in text)
