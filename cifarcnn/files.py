"""Files written whole or not at all, names that are free, the user's own folders."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Literal

from cifarcnn.errors import UsageError


def write_atomically(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step, so that no reader ever meets half a file.

    The bytes go to a temporary file beside the target, reach the disk, and take the
    target's name; then the folder's own entry reaches the disk. Whatever stood there
    before stays untouched until the last moment, also when the disk is full.

    Args:
        path: The target. Its folder must exist.
        data: The whole content.

    Raises:
        OSError: The folder is missing or read-only, or the disk is full. The old
            file is unharmed and the temporary one is gone.
    """
    # Not `mkstemp`: its file does not follow the umask, which cannot be read without
    # changing it for all other threads.
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    file = temporary.open("xb")
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote.

    Args:
        folder: To be called by the only process that writes there.

    Raises:
        OSError: The folder cannot be read, or such a file cannot be removed.
    """
    for path in folder.glob(".*.tmp"):
        if path.is_file() or path.is_symlink():
            path.unlink()


def sync_folder(folder: Path) -> None:
    """Let the entries of ``folder`` itself reach the disk.

    Raises:
        OSError: The disk failed.
    """
    # Windows cannot open a folder; there the rename is as durable as it gets.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_free_path(folder: Path, stem: str, ending: str, first: str = "") -> Path:
    """A path in ``folder`` where nothing is: ``stem``, ``stem-2`` and so on.

    Args:
        folder: It may be missing.
        stem: The beginning of the name.
        ending: With its dot; empty for a folder.
        first: What the first of the names has in place of a number.
    """
    number, mark = 1, first
    while os.path.lexists(path := folder / f"{stem}{mark}{ending}"):
        number += 1
        mark = f"-{number}"
    return path


def make_stem(name: str) -> str:
    """The name of an image or of a run as the beginning of a file's name."""
    if name == "-":
        return "standard-input"
    # A colon, as in test:17, is not allowed in names on Windows.
    stem = re.sub(r'[:*?"<>|\\]', "-", PurePath(name).stem)
    stem = "".join(sign if sign.isprintable() else "-" for sign in stem)
    # To most commands a name that begins with - is an option.
    return stem.lstrip("-")[:100] or "picture"


@contextlib.contextmanager
def os_error_as_usage_error(problem: str, hint: str = "") -> Iterator[None]:
    """Tell of a place that the user named and that cannot be written.

    Raises:
        UsageError: ``problem``, what the system says, and ``hint``.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"{problem}: {error.strerror}{hint}") from error


def own_folder(kind: Literal["cache", "data"]) -> Path | None:
    """The folder of the system's user for this program; None for one without a home.

    Args:
        kind: ``cache`` for what can be made again, ``data`` for what cannot.
    """
    import platformdirs

    find = {"cache": platformdirs.user_cache_path, "data": platformdirs.user_data_path}
    try:
        folder = find[kind]("cifarcnn", appauthor=False)
    except RuntimeError:
        return None
    # Older versions give one that begins with ~, in the working folder.
    return folder if folder.is_absolute() else None
