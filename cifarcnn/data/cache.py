"""Decoded arrays kept on disk, so that the next run starts at once."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from cifarcnn.errors import DataError
from cifarcnn.files import write_atomically
from cifarcnn.home import own_folder

_INDEX = "index.json"


def cache_folder() -> Path:
    """The folder for what can be made again: ``$CIFARCNN_CACHE``, or the user's own.

    Raises:
        DataError: The user has no home folder, as in some containers.
    """
    override = os.environ.get("CIFARCNN_CACHE")
    if override:
        return Path(os.path.expanduser(override))
    folder = own_folder("cache")
    if folder is None:
        raise DataError(
            "This user has no home folder, where data could be kept. Name a folder "
            "with the environment variable CIFARCNN_CACHE."
        )
    return folder


class CacheIndex(BaseModel):
    """What a folder of the cache says about its arrays.

    Attributes:
        version: Of this layout; another one is not read.
        signature: Of the source at the time of reading.
        class_names: The name of each class.
        official: Whether the source was the publisher's, to the byte.
        checksum: Of the content; see ``Dataset.checksum``.
        files: SHA-256 of each ``.npy`` file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1] = 1
    signature: dict[str, JsonValue]
    class_names: tuple[str, ...]
    official: bool
    checksum: str
    files: dict[str, str]

    @property
    def has_test(self) -> bool:
        """Whether there is a test split."""
        return "test-images.npy" in self.files


class ArrayCache:
    """One folder of the cache: ``.npy`` files, and an index that was written last.

    Every array is in a file of its own, so that the test split stays unread until it
    is asked for. Nothing here is ever an error: what does not match its checksum is
    treated as absent, and a folder that cannot be written to stays empty.
    """

    def __init__(self, key: str) -> None:
        self.folder = cache_folder() / "decoded" / key

    def read_index(self, signature: Mapping[str, JsonValue]) -> CacheIndex | None:
        """The index, when it is whole and was made from the source as it is now."""
        try:
            index = CacheIndex.model_validate_json((self.folder / _INDEX).read_bytes())
        except (OSError, ValidationError):
            return None
        return index if index.signature == signature else None

    def read_array(self, index: CacheIndex, name: str) -> np.ndarray | None:
        """The array of the file ``name``, when its bytes match the index."""
        try:
            with open(self.folder / name, "rb") as file:
                # Before NumPy looks at it: a header that was damaged can ask for
                # any amount of memory.
                if hashlib.file_digest(file, "sha256").hexdigest() != index.files[name]:
                    return None
                file.seek(0)
                array: np.ndarray = np.load(file, allow_pickle=False)
                return array
        except (OSError, KeyError):
            return None

    def write(
        self,
        arrays: Mapping[str, np.ndarray],
        *,
        signature: dict[str, JsonValue],
        class_names: tuple[str, ...],
        official: bool,
        checksum: str,
    ) -> None:
        """Keep ``arrays``, each in the file of its name, and what belongs to them.

        A folder that cannot be written to, or a full disk, is passed over.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            files = {name: self._write(name, array) for name, array in arrays.items()}
            index = CacheIndex(
                signature=signature,
                class_names=class_names,
                official=official,
                checksum=checksum,
                files=files,
            )
            write_atomically(self.folder / _INDEX, index.model_dump_json().encode())
        except OSError:
            return

    def _write(self, name: str, array: np.ndarray) -> str:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        content = buffer.getvalue()
        write_atomically(self.folder / name, content)
        return hashlib.sha256(content).hexdigest()
