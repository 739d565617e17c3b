"""The chunks of a PNG file before its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 10_000  # before the pixels; nobody has more than twenty
_OF_PIXELS = frozenset({b"tRNS", b"eXIf"})
_OF_COLOURS = frozenset({b"iCCP", b"gAMA", b"cHRM", b"sRGB"})


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


def drop_chunks(data: bytes, *, colours: bool) -> bytes | None:
    """A PNG without what it need not have before its pixels.

    Pillow refuses the whole image for a text or a profile of more than 1 MB, and for
    chunks that are too short.

    Args:
        colours: Whether the chunks on its colour space go too.

    Returns:
        ``None`` where there is nothing to drop, or the file is no PNG.
    """
    kept = _OF_PIXELS if colours else _OF_PIXELS | _OF_COLOURS
    dropped = [
        chunk
        for chunk in list_chunks(data)
        if chunk.name[:1].islower() and chunk.name not in kept
    ]
    if not dropped:
        return None
    ends = [0, *(chunk.end for chunk in dropped)]
    begins = [*(chunk.begin for chunk in dropped), len(data)]
    return b"".join(data[end:begin] for end, begin in zip(ends, begins, strict=True))
