"""The chunks of a PNG file before its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Chunk(NamedTuple):
    """A chunk, and where it begins and ends; the end may lie behind the file's."""

    name: bytes
    begin: int
    end: int


def list_chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks up to the first one with pixels; none where the file is no PNG."""
    place, name = len(_SIGNATURE), b""
    while data.startswith(_SIGNATURE) and place + 8 <= len(data) and name != b"IDAT":
        name = data[place + 4 : place + 8]
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        yield Chunk(name, place, end)
        place = end


def drop_profile(data: bytes) -> bytes | None:
    """A PNG without its ICC profile; ``None`` where it has none, or is no PNG.

    A profile that is larger than 1 MB, or packed in an unknown way, costs Pillow the
    whole image.
    """
    for chunk in list_chunks(data):
        if chunk.name == b"iCCP":
            return data[: chunk.begin] + data[chunk.end :]
    return None
