"""The members of a tar archive, one after the other, within bounds.

Headers are parsed by Python's ``tarfile``; the way through the archive is walked here.
``tarfile`` itself cannot be kept to little memory: long names, PAX headers and maps of
sparse files are read whole, however long they say they are, and a damaged header
counts as the end. Nothing of that is needed for CIFAR, whose names are short.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cifarcnn.errors import DataError

_BLOCK = 512
_MOST_HEADERS = 100  # the archives of CIFAR have nine members at most
_LONGEST_NOTE = 64 * 1024
_CHUNK = 1 << 20
# Describe the next member: PAX headers, and the long names of GNU tar.
_NOTES = frozenset({b"x", b"g", b"X", b"L", b"K"})


def read_members(
    stream: io.BufferedIOBase, archive: Path
) -> Iterator[tuple[tarfile.TarInfo, Callable[[], bytes]]]:
    """Walk through an archive.

    Args:
        stream: The archive, unzipped.
        archive: Its name, for messages.

    Yields:
        A header, its name being the short one, and what reads the content: whole, and
        before the next member is asked for. Content that is not read is passed over.

    Raises:
        DataError: There are more than 100 headers, or a note of more than 64 KiB.
        EOFError: The archive ends too early.
        tarfile.TarError: A header is damaged.
    """
    for _ in range(_MOST_HEADERS):
        block = stream.read(_BLOCK)
        if not any(block):  # its end is marked by a block of zeros
            return
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.type in _NOTES:
            if header.size > _LONGEST_NOTE:
                raise DataError(
                    f"{archive} describes a member with {header.size:,} bytes, far "
                    "more than an archive of CIFAR needs. It is not CIFAR."
                )
            _skip(stream, _padded(header.size))
            continue
        size = header.size if header.isreg() else 0
        unread = [size]

        def read(size: int = size, unread: list[int] = unread) -> bytes:
            unread[0] = 0
            return _read(stream, size)

        yield header, read
        _skip(stream, unread[0] + _padded(size) - size)
    raise DataError(
        f"{archive} has more than {_MOST_HEADERS} members. It is not CIFAR."
    )


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _read(stream: io.BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _skip(stream: io.BufferedIOBase, size: int) -> None:
    while size > 0:
        size -= len(_read(stream, min(size, _CHUNK)))
