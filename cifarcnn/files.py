"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


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
    descriptor, temporary = tempfile.mkstemp(
        prefix=f".{path.name}.", suffix=".tmp", dir=path.parent
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes a private file; what a user keeps should follow the umask.
        os.chmod(temporary, 0o666 & ~_umask())
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
