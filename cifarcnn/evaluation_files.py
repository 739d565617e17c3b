"""The files that ``evaluate --out`` leaves: all of them or none, none replaced."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cifarcnn.errors import UsageError
from cifarcnn.files import os_error_as_usage_error, write_atomically

PREDICTIONS = "predictions.csv"
PLOTS = ("confusion-matrix", "reliability", "classes", "mistakes")
_FILES = (PREDICTIONS, *(f"{plot}.{kind}" for plot in PLOTS for kind in ("svg", "png")))


def require_free(folder: Path) -> None:
    """See to it before a network is judged that the files can be written.

    Args:
        folder: Made where it is missing.

    Raises:
        UsageError: One of them is there, or the folder cannot be made or written.
    """
    found = [name for name in _FILES if os.path.lexists(folder / name)]
    if found:
        there, them = f"{folder} holds {', '.join(found)}", "them"
        if len(found) == 1:
            there, them = f"{folder / found[0]} exists", "it"
        raise UsageError(
            f"{there} already, and nothing is replaced. Name another folder with "
            f"--out, or move {them} away first."
        )
    with os_error_as_usage_error(f"'{folder}' cannot be made"):
        folder.mkdir(parents=True, exist_ok=True)
    with (
        os_error_as_usage_error(f"'{folder}' cannot be written"),
        tempfile.TemporaryFile(dir=folder),
    ):
        pass


def write_files(folder: Path, content: Mapping[str, bytes]) -> list[Path]:
    """Write files that are not there; where one cannot be, none is left.

    Args:
        folder: That is there.
        content: By name.

    Raises:
        UsageError: One cannot be written.
    """
    written: list[Path] = []
    try:
        for name, data in content.items():
            path = folder / name
            with os_error_as_usage_error(
                f"'{path}' cannot be written, and nothing is left in {folder}"
            ):
                write_atomically(path, data)
            written.append(path)
    except BaseException:
        for path in written:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return written
