"""One process at a time trains in the folder of a run."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from cifarcnn.errors import RunError
from cifarcnn.files import remove_leftovers
from cifarcnn.runs.safe_io import describe_os_error, require_folder
from cifarcnn.runs.shipped_runs import require_own

LOCK = ".lock"
# Longer than another process holds it only to see whether it is free.
_PATIENCE_SECONDS = 0.2


def lock_run(folder: Path) -> AbstractContextManager[object]:
    """Keep other processes from training in a folder, until the end of a ``with``.

    The system lets go of it however the process ends. What processes left that were
    killed while they wrote is cleared away.

    Raises:
        RunError: Another process holds it, it is not there or cannot be written, or
            belongs to the package.
    """
    require_own(folder)
    if not folder.exists():
        # A removal just now took it, and the lock would make it anew.
        require_folder(folder)
    lock = FileLock(folder / LOCK)
    try:
        held = lock.acquire(timeout=_PATIENCE_SECONDS)
        remove_leftovers(folder)
    except Timeout:
        raise RunError(
            f"{folder} is being trained by another process. Wait for its end, or stop "
            "it."
        ) from None
    except OSError as error:
        lock.release()
        raise RunError(
            f"{folder} cannot be written: {describe_os_error(error)}."
        ) from error
    return held


def is_locked(folder: Path) -> bool:
    """Whether a process trains in the folder of a run now; nothing is written there."""
    if not (folder / LOCK).is_file():
        return False
    try:
        FileLock(folder / LOCK).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    except OSError:
        # Where this user may not write nobody of this user trains.
        return False
    return False
