"""The user's own folders for what this program keeps outside of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


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
