"""The chunks of a PNG file before its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 10_000  # before the pixels; nobody has more than twenty


class Chunk(NamedTuple):
    """A chunk, and where it begins and ends; the end may lie behind the file's."""

    name: bytes
    begin: int
    end: int


def list_chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks up to the first one with pixels; none where the file is no PNG."""
    if not data.startswith(_SIGNATURE):
        return
    place = len(_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        name = data[place + 4 : place + 8]
        if len(name) < 4:
            break
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        yield Chunk(name, place, end)
        if name == b"IDAT":
            break
        place = end


def drop_profile(data: bytes) -> bytes | None:
    """A PNG without its ICC profile; ``None`` where it has none, or is no PNG.

    A profile that is larger than 1 MB, or packed in an unknown way, costs Pillow the
    whole image.
    """
    profiles = [chunk for chunk in list_chunks(data) if chunk.name == b"iCCP"]
    if not profiles:
        return None
    ends = [0, *(chunk.end for chunk in profiles)]
    begins = [*(chunk.begin for chunk in profiles), len(data)]
    return b"".join(data[end:begin] for end, begin in zip(ends, begins, strict=True))
