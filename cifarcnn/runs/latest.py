"""``runs/latest``: the pointer to the newest run of a folder.

It is a link relative to its folder or, where the system refuses links (Windows without
developer mode), a text file that holds the name. Both are read everywhere.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.files import write_atomically
from cifarcnn.runs.safe_read import read_bytes, reason

LATEST = "latest"
_NAME_LIMIT = 1000


def point_latest(root: Path, name: str) -> None:
    """Make ``root/latest`` name the run ``name``, in one step.

    Raises:
        RunError: ``root/latest`` is a folder, or the pointer cannot be written.
    """
    pointer = root / LATEST
    if pointer.is_dir() and not pointer.is_symlink():
        raise RunError(
            f"{pointer} is a folder, but that name belongs to the pointer to the "
            "newest run. Rename the folder."
        )
    temporary = root / f".{LATEST}.{secrets.token_hex(4)}.tmp"
    try:
        try:
            os.symlink(name, temporary, target_is_directory=True)
        except OSError:
            write_atomically(pointer, f"{name}\n".encode())
        else:
            os.replace(temporary, pointer)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise RunError(f"{pointer} cannot be written: {reason(error)}.") from error


def follow_latest(root: Path) -> Path:
    """The folder of the run that ``root/latest`` names.

    Raises:
        RunError: There is no pointer, it leads out of ``root``, or to nothing.
    """
    pointer = root / LATEST
    if pointer.is_symlink():
        name = os.readlink(pointer)
    elif pointer.is_file():
        name = read_bytes(pointer, _NAME_LIMIT).decode("utf-8", "replace").strip()
    else:
        raise RunError(
            f"There is no run to take: {pointer} does not exist. Train one with "
            "`cifarcnn train --config quickstart`, or name a run with --run DIR."
        )
    if name in ("", ".", "..", LATEST) or Path(name).name != name or "\0" in name:
        raise RunError(
            f"{pointer} points to {name!r}, but it may only name a folder beside "
            "itself. Remove it and name the run with --run DIR."
        )
    run = root / name
    if not run.is_dir():
        raise RunError(
            f"{pointer} points to {name!r}, which is no folder there (any more). "
            "Name another run with --run DIR."
        )
    return run
