"""Reading and writing the files of a run, which a stranger may have made."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.files import write_atomically

RESTORE_HINT = "Restore it from a copy of the run, or train again."


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` bytes.

    Links are not followed, so that a run from elsewhere cannot name a file outside
    its folder, and pipes and devices are not opened, so that it cannot make us wait.

    Raises:
        RunError: The file is missing, is not a regular file, is too large, or cannot
            be read.
    """
    try:
        size = require_regular_file(path)
        if size > limit:
            raise RunError(
                f"{path} has {size:,} bytes, but at most {limit:,} are "
                "expected there. It is not loaded."
            )
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {describe_os_error(error)}.") from error
    if len(data) > limit:
        raise RunError(f"{path} grew while it was read. Try again.")
    return data


def require_regular_file(path: Path) -> int:
    """The size in bytes of a regular file.

    Raises:
        RunError: It is a link, a folder, a pipe or a device.
        OSError: It is missing.
    """
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise RunError(
            f"{path} is not a plain file. The files of a run are never links, "
            "folders or devices; put the file itself there."
        )
    return status.st_size


def read_json(path: Path, limit: int) -> dict[str, object]:
    """The JSON object in a file of at most ``limit`` bytes.

    Raises:
        RunError: As ``read_bytes``, or the content is not one JSON object.
    """
    data = read_bytes(path, limit)
    try:
        content = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    # A thousand opening brackets exhaust the stack rather than the grammar.
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: it is not JSON. {RESTORE_HINT}") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} is damaged: it is not one JSON object. {RESTORE_HINT}")
    return content


def write_file(path: Path, data: bytes) -> None:
    """Write one file of a run, whole or not at all.

    Raises:
        RunError: The disk is full, or the folder is gone or read-only.
    """
    try:
        write_atomically(path, data)
    except OSError as error:
        require_folder(path.parent)
        raise RunError(
            f"{path} cannot be written: {describe_write_error(error, path, len(data))}."
            " What stood there before is unharmed."
        ) from error


def require_folder(folder: Path) -> None:
    """See that what stood in the folder of a run before can still be there.

    Raises:
        RunError: There is no such folder any more.
    """
    if not os.path.isdir(folder):
        raise RunError(
            f"{folder} is not there any more, and what was saved in it is not either: "
            "it was removed or moved, or its disk is gone. If it was moved, go on with "
            "cifarcnn train --resume and its new place."
        )


def remove_file(path: Path) -> None:
    """Remove one file of a run, if it is there.

    Raises:
        RunError: The folder is read-only.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            f"{path} cannot be removed: {describe_os_error(error)}."
        ) from error


def describe_os_error(error: OSError) -> str:
    """What the system says about a failure, without its number and path."""
    return error.strerror or type(error).__name__


def describe_write_error(error: OSError, path: Path, size: int) -> str:
    """The same for a file of ``size`` bytes; on a full disk also how many are free."""
    text = describe_os_error(error)
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return text
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return text
    return f"{text} ({size:,} bytes are needed, {free:,} are free)"


def _refuse_constant(name: str) -> float:
    raise ValueError(name)
