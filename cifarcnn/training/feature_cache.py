"""Features kept on disk, whole or not at all, for the next training with them.

A file is called by what its features were computed from and by the SHA-256 of its
content, so that one that is damaged or of something else is never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cifarcnn.caches import cache_folder, make_room
from cifarcnn.files import sync_folder
from cifarcnn.network.weights import read_arrays

# All files together; the ones that were used longest ago make room.
MOST_BYTES = 20 * 10**9
# Left free on the disk, at least.
_SPARED_BYTES = 10**9
# Of the way features are computed and laid out.
_VERSION = 1

Array = np.ndarray[Any, Any]


def features_key(
    network: keras.Model, batches: Iterator[Array], facts: dict[str, Any]
) -> str:
    """What features depend on, as 32 hexadecimal digits.

    Args:
        network: From images to features: all that its weights hold counts.
        batches: The images.
        facts: All else that counts: layers, precision, versions, device.
    """
    digest = hashlib.sha256(json.dumps([_VERSION, facts], sort_keys=True).encode())
    for array in read_arrays(network.weights):
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    for batch in batches:
        digest.update(f"{batch.shape}".encode())
        digest.update(np.ascontiguousarray(batch).data)
    return digest.hexdigest()[:32]


def find_features(key: str) -> Array | None:
    """The features of a key, as a read-only memory map, if there are whole ones."""
    folder = cache_folder("features")
    for path in folder.glob(f"{key}-*.npy") if folder else ():
        with contextlib.suppress(OSError, ValueError):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if path.name == f"{key}-{digest}.npy":
                os.utime(path)
                found: Array = np.load(path, mmap_mode="r", allow_pickle=False)
                return found
    return None


def find_refusal(size_bytes: int) -> str | None:
    """Why features of that size cannot be kept on disk; ``None`` where they can."""
    folder = cache_folder("features")
    if folder is None:
        return "there is no cache folder"
    if size_bytes > MOST_BYTES:
        return f"at most {MOST_BYTES / 1e9:.0f} GB are kept"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"{folder}: {error.strerror}"
    if free < size_bytes + _SPARED_BYTES:
        return f"{folder} has {free / 1e9:.1f} GB left"
    return None


class FeatureFile:
    """Writes features a batch at a time; to be used in a ``with``.

    Without :meth:`finish` nothing is left of it.
    """

    def __init__(self, key: str, shape: tuple[int, ...]) -> None:
        """Begin a file of float32 ``shape``.

        Raises:
            OSError: It cannot be written.
        """
        folder = cache_folder("features")
        if folder is None:
            raise FileNotFoundError
        make_room("features", MOST_BYTES, 4 * int(np.prod(shape)))
        self._key = key
        self._path = folder / f".{key}.{os.urandom(6).hex()}.tmp"
        self._digest = hashlib.sha256()
        self._file = self._path.open("xb")
        header = np.lib.format.header_data_from_array_1_0(np.empty(0, np.float32))
        np.lib.format.write_array_header_1_0(self, {**header, "shape": shape})

    def write(self, content: Any) -> None:
        """Add to it.

        Raises:
            OSError: The disk is full.
        """
        self._digest.update(content)
        self._file.write(content)

    def finish(self) -> Path:
        """Have it stay, under its name.

        Raises:
            OSError: The disk is full.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        name = f"{self._key}-{self._digest.hexdigest()}.npy"
        path = self._path.with_name(name)
        os.replace(self._path, path)
        sync_folder(path.parent)
        return path

    def close(self) -> None:
        """Leave nothing of it, unless it is finished."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()
