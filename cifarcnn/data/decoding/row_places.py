"""Where decoded images are put: into the cache, or else where there is room."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cifarcnn.caches import is_unfinished, is_young
from cifarcnn.data.decoding.row_file import RowFile, Rows, RowsInMemory, Shape
from cifarcnn.errors import DataError

_MOST_SIZES = 3  # of one folder's images that are kept
_IN_USE_SECONDS = 600


class StoredRows(NamedTuple):
    """Images that were written.

    Attributes:
        images: uint8 ``(n, height, width, 3)``, read-only.
        name: Of the file in the folder; ``None`` where it is not there.
        reasons: Why not.
    """

    images: np.ndarray
    name: str | None
    reasons: tuple[str, ...] = ()


def store_rows(
    folder: Path, stem: str, shape: Shape, fill: Callable[[Rows], object]
) -> StoredRows:
    """Put images into a new file in a folder, or a temporary one, or into memory.

    Args:
        folder: Of the cache; it may be missing.
        stem: What the name of the file begins with.
        shape: Of all images.
        fill: Writes them; called again for the next place where one is full.

    Raises:
        DataError: There is no room anywhere.
    """
    reasons: list[str] = []
    try:
        return _store_in_cache(folder, stem, shape, fill)
    except OSError as error:
        reasons.append(f"{folder}: {error.strerror or error}")
    try:
        return StoredRows(_store_in_temporary(shape, fill), None, tuple(reasons))
    except OSError as error:
        reasons.append(f"temporary files: {error.strerror or error}")
    from cifarcnn.engine import free_memory

    free = free_memory()
    if free is not None and prod(shape) > free:
        reasons.append(f"memory: {free / 1e6:,.0f} MB are free")
        raise DataError(
            f"There is no room for {shape[0]:,} decoded pictures, which take "
            f"{prod(shape) / 1e6:,.0f} MB ({'; '.join(reasons)}). Name a folder with "
            "room in the environment variable CIFARCNN_CACHE."
        )
    rows = RowsInMemory(shape)
    fill(rows)
    return StoredRows(rows.map(), None, tuple(reasons))


def remove_outdated(folder: Path, stem: str, kept: str) -> None:
    """Remove images that no index names, and those of sizes that were not used lately.

    What was opened in the last minutes stays: another process may read it.

    Args:
        folder: Of the cache.
        stem: What the names of one size begin with.
        kept: The file that is in use.
    """
    with contextlib.suppress(OSError):
        found = {path: path.stat() for path in folder.iterdir()}
        indices = [path for path in found if path.suffix == ".json"]
        indices.sort(key=lambda path: found[path].st_mtime, reverse=True)
        unused = tuple(f"{path.stem}." for path in indices[_MOST_SIZES:])
        for path, status in found.items():
            if is_unfinished(path):
                outdated = not is_young(status)
            elif time.time() - status.st_mtime < _IN_USE_SECONDS:
                outdated = False
            else:
                ours = path.suffix == ".npy" and path.name.startswith(f"{stem}.")
                outdated = path.name.startswith(unused) or (ours and path.name != kept)
            if outdated:
                # On Windows one that somebody reads stays until the next time.
                _remove(path)


def _store_in_cache(
    folder: Path, stem: str, shape: Shape, fill: Callable[[Rows], object]
) -> StoredRows:
    folder.mkdir(parents=True, exist_ok=True)
    _require_room(folder, shape)
    # Another process may be at the same work, or read what was here before.
    name = f"{stem}.{os.urandom(6).hex()}.npy"
    temporary = folder / f".{name}.tmp"
    try:
        with temporary.open("x+b", buffering=0) as file:
            rows = RowFile(file, shape)
            rows.start()
            fill(rows)
        # Not awaited until it is on the disk: what a power cut takes is found missing.
        os.replace(temporary, folder / name)
        with open(str(folder / name), "rb", buffering=0) as file:
            return StoredRows(RowFile(file, shape).map(), name)
    except BaseException:
        _remove(temporary)
        raise


def _store_in_temporary(shape: Shape, fill: Callable[[Rows], object]) -> np.ndarray:
    _require_room(Path(tempfile.gettempdir()), shape)
    handle, name = tempfile.mkstemp(suffix=".npy")
    try:
        os.close(handle)
        with open(name, "r+b", buffering=0) as file:
            rows = RowFile(file, shape)
            rows.start()
            fill(rows)
            images = rows.map()
    except BaseException:
        _remove(name)
        raise
    # With the last who sees them it goes.
    weakref.finalize(images.base, _remove, name)
    return images


def _remove(path: str | Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _require_room(folder: Path, shape: Shape) -> None:
    if shutil.disk_usage(folder).free < prod(shape):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
