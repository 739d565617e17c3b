"""The files of a CIFAR data set as bytes: from a folder, or straight from an archive.

An archive is never extracted. Its members are read one after the other, and only
those of the expected names, kinds and sizes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from cifarcnn.data.cifar.facts import PIXELS, Archive, Cifar, Layout
from cifarcnn.data.cifar.tar_members import read_members
from cifarcnn.errors import DataError

_SMALL_FILE = 64 * 1024  # names and read-me files have a few hundred bytes
_TAR_SLACK = 1024 * 1024  # headers and padding of an archive have a few kilobytes
_AGAIN = "Get it again."
_GZIP = b"\x1f\x8b"
_BROKEN = (tarfile.TarError, EOFError, ValueError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True)
class Piece:
    """One file, read whole.

    Attributes:
        name: Its name in the folder.
        shown: Its name in messages, with where it lies.
        data: Its bytes.
    """

    name: str
    shown: str
    data: bytes


def source_files(layout: Layout) -> tuple[str, ...]:
    """The files that are read, by name."""
    return (*(file.name for file in layout.data_files), layout.names_file)


def check_folder(cifar: Cifar, layout: Layout, folder: Path) -> None:
    """See that the files of ``folder`` are there; what they hold is not read.

    Raises:
        DataError: Files are missing, cannot be looked at, or have a wrong size.
    """
    names = source_files(layout)
    missing = [name for name in names if not os.path.lexists(folder / name)]
    if missing:
        raise DataError(f"{folder} lacks {_listed(missing)}. {_AGAIN}")
    for name in names:
        path = folder / name
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from None
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path} is not a regular file.")
        _check_size(cifar, layout, name, str(path), status.st_size)


def read_folder(cifar: Cifar, layout: Layout, folder: Path) -> Iterator[Piece]:
    """Read the files of ``folder`` one after the other.

    Raises:
        DataError: Files are missing, cannot be read, or have a wrong size.
    """
    check_folder(cifar, layout, folder)
    for name in source_files(layout):
        path = folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from None
        yield Piece(name, str(path), data)


def read_archive(cifar: Cifar, layout: Layout, archive: Path) -> Iterator[Piece]:
    """Read the files in ``archive`` in the order in which they lie there.

    Raises:
        DataError: The archive cannot be read, is damaged, or has members that are
            missing, repeated, not regular files, too large, or not expected at all.
    """
    awaited = set(source_files(layout))
    known = awaited | set(layout.ignored_files)
    seen: set[str] = set()
    try:
        with _open_unzipped(archive) as unzipped:
            limit = sum(_sizes(cifar, layout, name)[1] for name in known) + _TAR_SLACK
            stream = _Capped(unzipped, limit, archive)
            for member, read in read_members(stream, archive):
                name = _member_name(layout, archive, member, known, seen)
                if name is None:
                    continue
                seen.add(name)
                shown = f"{archive}: {layout.folder}/{name}"
                _check_size(cifar, layout, name, shown, member.size)
                if name in awaited:
                    yield Piece(name, shown, read())
            # The checksum of the whole stands at the very end.
            while stream.read(1 << 20):
                pass
    except _BROKEN:
        raise DataError(
            f"{archive} is damaged or not a .tar.gz archive: it cannot be read to its "
            f"end. {_AGAIN}"
        ) from None
    except OSError as error:
        raise DataError(f"{archive} cannot be read: {error.strerror}.") from None
    missing = [name for name in source_files(layout) if name not in seen]
    if missing:
        raise DataError(f"{archive} lacks {_listed(missing)}. {_AGAIN}")


def read_first_name(archive: Path) -> str | None:
    """The folder that the first member of a .tar or .tar.gz lies in.

    ``None`` when it is no such archive; what is wrong with it, reading it will say.
    """
    try:
        with _open_unzipped(archive) as unzipped:
            stream = _Capped(unzipped, _TAR_SLACK, archive)
            for member, _ in read_members(stream, archive):
                name = member.name.removeprefix("./").partition("/")[0]
                if name not in ("", "."):
                    return name
    except (DataError, OSError, *_BROKEN):
        return None
    return None


def is_official_archive(layout: Layout, archive: Path) -> bool:
    """Whether ``archive`` is the published one, to the byte.

    Raises:
        DataError: It has the published size, but not the published checksum.
    """
    size, found = measure_archive(archive, layout.archive)
    if size != layout.archive.size:
        return False
    if found != layout.archive.sha256:
        raise DataError(
            f"{archive} has the size of the official archive but the sha256 {found}, "
            f"expected {layout.archive.sha256}: it is damaged. {_AGAIN}"
        )
    return True


def measure_archive(path: Path, archive: Archive) -> tuple[int, str]:
    """The bytes and the SHA-256 of ``path``; no SHA-256 where the size is wrong.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != archive.size:
                return size, ""
            return size, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


def _open_unzipped(archive: Path) -> IO[bytes]:
    with open(archive, "rb") as file:
        zipped = file.read(2) == _GZIP
    # Some browsers unzip what they fetch, and leave the .tar.
    return cast("IO[bytes]", gzip.open(archive)) if zipped else open(archive, "rb")


class _Capped(io.BufferedIOBase):
    """A stream that fails where the official one would long have ended."""

    def __init__(self, stream: IO[bytes], limit: int, path: Path) -> None:
        self._stream, self._limit, self._path = stream, limit, path
        self._left = limit

    def read(self, size: int | None = -1, /) -> bytes:
        most = self._left + 1
        data = self._stream.read(most if size is None or size < 0 else min(size, most))
        self._left -= len(data)
        if self._left < 0:
            raise DataError(
                f"{self._path} unpacks to more than {self._limit:,} bytes, more than "
                "the official archive. It is not CIFAR."
            )
        return data


def _member_name(
    layout: Layout,
    archive: Path,
    member: tarfile.TarInfo,
    known: set[str],
    seen: set[str],
) -> str | None:
    # tar writes a leading ./ when it was asked to pack the current folder.
    path = member.name.removeprefix("./")
    if member.isdir() and path in {"", ".", layout.folder}:
        return None
    name = path.removeprefix(f"{layout.folder}/")
    if path == name or name not in known:
        raise DataError(
            f"{archive} holds {member.name!r}, which is not a file of {layout.folder}."
        )
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise DataError(f"{archive} holds {member.name!r} not as a regular file.")
    if name in seen:
        raise DataError(f"{archive} holds {member.name!r} twice.")
    return name


def _sizes(cifar: Cifar, layout: Layout, name: str) -> tuple[int, int]:
    """The smallest and the largest size that the file can have."""
    for file in layout.data_files:
        if file.name == name:
            if layout.kind == "binary":
                size = file.images * cifar.record_bytes
                return size, size
            # Beside its pixels a pickle has a label and a file name for each image,
            # some 32 bytes in the official files.
            smallest = file.images * PIXELS
            return smallest, smallest + file.images * 128 + _SMALL_FILE
    return 0, _SMALL_FILE


def _check_size(cifar: Cifar, layout: Layout, name: str, shown: str, size: int) -> None:
    smallest, largest = _sizes(cifar, layout, name)
    if smallest <= size <= largest:
        return
    expected = f"{largest:,}"
    if smallest < largest:
        expected = f"{smallest:,} to {expected}"
    fault = "cut short" if size < smallest else "too long"
    raise DataError(
        f"{shown} is {fault}: it has {size:,} bytes, expected {expected}. {_AGAIN}"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
