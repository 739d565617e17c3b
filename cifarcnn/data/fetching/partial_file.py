"""What has come so far of an archive, on the disk, so that nothing comes twice.

Each source has a file of its own beside the final place, and next to it a small one
that says which version of the source's file it is a part of. The bytes of two sources,
or of two versions, never meet in one file. They are written straight to the file: a
process that is killed loses none that were received.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cifarcnn.data.cifar.facts import Archive
from cifarcnn.data.cifar.files import measure_archive
from cifarcnn.data.fetching.sources import ArchiveSource
from cifarcnn.errors import DataError
from cifarcnn.files import sync_folder, write_atomically

_ROOM_TO_SPARE = 1_000_000
_NOTE_LIMIT = 10_000
_LIMITED = frozenset({errno.EDQUOT, errno.EFBIG})


class FileVersion(BaseModel):
    """Which version of a file a server sent, as far as it says.

    Attributes:
        url: The source.
        etag: A strong entity tag, or ``None``.
        modified: The date of the last change as the server wrote it, or ``None``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: str
    etag: str | None = None
    modified: str | None = None

    @property
    def condition(self) -> str | None:
        """For ``If-Range``: what the version is known by, or ``None``."""
        return self.etag or self.modified


class PartialFile:
    """The part of an archive that one source has given."""

    def __init__(self, folder: Path, source: ArchiveSource) -> None:
        digest = hashlib.sha256(source.url.encode()).hexdigest()[:12]
        self._source = source
        self.path = folder / f"{source.archive.name}.{digest}.part"
        self._note = folder / f"{source.archive.name}.{digest}.part.json"

    @property
    def length(self) -> int:
        """Bytes that are there."""
        try:
            return self.path.lstat().st_size
        except OSError:
            return 0

    @property
    def is_whole(self) -> bool:
        """Whether as many bytes are there as there should be."""
        return self.length == self._source.archive.size

    def version(self) -> FileVersion | None:
        """The version that it is a part of; ``None`` when it cannot be continued."""
        try:
            with open(self._note, "rb") as file:
                version = FileVersion.model_validate_json(file.read(_NOTE_LIMIT))
        except (OSError, ValidationError):
            return None
        if version.url != self._source.url or version.condition is None:
            return None
        return version if 0 < self.length <= self._source.archive.size else None

    def begin(self, version: FileVersion) -> None:
        """Forget what is there; what comes next is the start of ``version``.

        Raises:
            DataError: The disk is full or cannot be written.
        """
        self.discard()
        with self._errors_explained():
            # The note first: bytes without one are never continued.
            write_atomically(self._note, version.model_dump_json().encode())

    def append(self, data: bytes) -> None:
        """Add bytes at the end.

        Raises:
            DataError: The disk is full or cannot be written. What was there stays.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with self._errors_explained():
            descriptor = os.open(self.path, flags, 0o666)
            with open(descriptor, "wb", buffering=0) as file:
                left = memoryview(data)
                while left:
                    left = left[file.write(left) :]

    def check_room(self) -> None:
        """See that the rest finds room on the disk.

        Raises:
            DataError: It does not; says how much is needed and how much there is.
        """
        archive, folder = self._source.archive, self.path.parent
        needed = archive.size - self.length
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            return  # writing will say what is wrong
        if free < needed + _ROOM_TO_SPARE:
            raise _no_room(folder, archive, needed)

    def place(self, target: Path) -> None:
        """Give the part, which was checked, the name ``target``.

        Raises:
            DataError: The disk is full or cannot be written.
        """
        with self._errors_explained():
            with open(self.path, "r+b") as file:
                os.fsync(file)
            os.replace(self.path, target)
            sync_folder(target.parent)
        self.discard()

    def discard(self) -> None:
        """Remove what is there."""
        for path in (self.path, self._note):
            with contextlib.suppress(OSError):
                path.unlink()

    @contextlib.contextmanager
    def _errors_explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            archive = self._source.archive
            needed = archive.size - self.length
            raise _explain(error, self.path.parent, archive, needed) from None


def _explain(error: OSError, folder: Path, archive: Archive, needed: int) -> DataError:
    if error.errno == errno.ENOSPC:
        return _no_room(folder, archive, needed)
    if error.errno in _LIMITED:
        limit = f" (the system says: {error.strerror})"
        return _no_room(folder, archive, needed, limit)
    return DataError(
        f"{folder} cannot be written: {error.strerror}. Choose another folder with "
        "--to DIR or the environment variable CIFARCNN_CACHE."
    )


def _no_room(folder: Path, archive: Archive, needed: int, limit: str = "") -> DataError:
    try:
        free = f"{shutil.disk_usage(folder).free:,} are free"
    except OSError:
        free = "fewer are free"
    return DataError(
        f"{folder} has no room for {archive.name}: {needed:,} more bytes are needed, "
        f"{free}{limit}. Make room and fetch again, which goes on where it stopped; or "
        "choose another folder with --to DIR or the environment variable "
        "CIFARCNN_CACHE."
    )


def find_archive_problem(path: Path, archive: Archive) -> str | None:
    """What tells the file ``path`` from ``archive``, or ``None`` when nothing does.

    Raises:
        DataError: It cannot be read.
    """
    size, found = measure_archive(path, archive)
    if size != archive.size:
        return f"it has {size:,} bytes, expected {archive.size:,}"
    if found != archive.sha256:
        return f"it has the sha256 {found}, expected {archive.sha256}"
    return None


def is_there_already(path: Path, archive: Archive) -> bool:
    """Whether ``path`` is the official archive.

    Raises:
        DataError: Something else stands there.
    """
    if not path.exists():
        return False
    problem = find_archive_problem(path, archive)
    if problem is not None:
        raise DataError(
            f"{path} is not the official archive: {problem}. It is not touched. Move "
            "it away and fetch again, or choose another folder with --to DIR."
        )
    return True


def remove_partial_files(folder: Path, archive: Archive) -> None:
    """Remove the parts of every source, once the archive is there."""
    for path in folder.glob(f"{archive.name}.*.part*"):
        with contextlib.suppress(OSError):
            path.unlink()
