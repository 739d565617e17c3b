"""The segments of a JPEG file, without its pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cifarcnn.errors import ImageError

# Progressive JPEGs have about ten. A scan may be empty, and be ten bytes that lead once
# through all pixels.
MAX_SCANS = 100
MAX_SEGMENTS = 10_000  # a profile or a film in segments of 64 kB has some hundreds

START = b"\xff\xd8"
# What follows a scan: any marker but a stuffed zero, a restart, or TEM.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
_END, _SCAN = 0xD9, 0xDA
_SEQUENTIAL = (0xC0, 0xC1)
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})


def find_frame(data: bytes) -> tuple[int, int, int] | None:
    """What the first frame of a JPEG says of the way in which its pixels are coded.

    Returns:
        The second byte of its marker, the bits of a sample, and how many components
        there are; ``None`` where there is no frame before the pixels.
    """
    if not data.startswith(START):
        return None
    for marker, place in _list_segments(data):
        if marker in _FRAMES and place + 8 <= len(data):
            return marker, data[place + 2], data[place + 7]
        if marker in (_SCAN, _END):
            break
    return None


def is_decoded_by_rows(data: bytes) -> bool:
    """Whether a decoder keeps no more than some rows of a JPEG at a time.

    Of a progressive one, or one with a scan for each component, it holds all
    coefficients before the first pixel, at whatever scale it decodes.
    """
    if not data.startswith(START):
        return False
    components = None
    for marker, place in _list_segments(data):
        if marker in _FRAMES:
            if marker not in _SEQUENTIAL or place + 8 > len(data):
                return False
            components = data[place + 7]
        elif marker == _SCAN:
            return data[place + 2 : place + 3] == bytes([components or 0])
    return False


def ends_in_header(data: bytes) -> bool:
    """Whether a JPEG is cut short before its pixels."""
    end = 0
    for marker, place in _list_segments(data):
        if marker == _SCAN:
            return False
        end = place + int.from_bytes(data[place : place + 2], "big")
    return end >= len(data)


def check_scans(data: bytes) -> None:
    """Refuse a JPEG with more scans than any use of them has.

    Raises:
        ImageError: There are more than 100.
    """
    # Only a file with so many of these bytes is walked through; they may also stand in
    # a thumbnail, or in a film behind the picture.
    if not data.startswith(START) or data.count(bytes([0xFF, _SCAN])) <= MAX_SCANS:
        return
    scans = 0
    for number, (marker, _) in enumerate(_list_segments(data)):
        scans += marker == _SCAN
        # The list ends there.
        if scans > MAX_SCANS or number == MAX_SEGMENTS:
            raise ImageError(
                f"it has more than {MAX_SCANS} scans, or {MAX_SEGMENTS:,} segments, "
                "which take too long to decode. Save it anew."
            )
        if marker == _END:
            break


def _list_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The second byte of every marker, and where its segment begins."""
    place = len(START)
    for _ in range(MAX_SEGMENTS + 1):
        found = _MARKER.search(data, place)
        if found is None:
            break
        place = found.end()
        yield found[1][0], place
        if found[1] not in b"\xd8\xd9":
            place += int.from_bytes(data[place : place + 2], "big")
