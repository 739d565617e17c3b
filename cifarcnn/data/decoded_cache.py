"""Decoded arrays, kept on disk so that the next run starts at once."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from cifarcnn.config.datasets import ImageShape
from cifarcnn.data.cifar.location import cache_folder
from cifarcnn.data.decoding.decoded_files import checksum
from cifarcnn.data.duplicate_images import find_groups
from cifarcnn.data.splits import Split
from cifarcnn.files import write_atomically

_INDEX = "index.json"

Part = Literal["training", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)


class ReadingRecord(NamedTuple):
    """What the images of a split lost when they were read.

    Attributes:
        cropped: How many lost something to the proportions of the network.
        largest_share: Of one of them, 0 to 1.
        notes: Of how many images each note is, such as of a damaged colour profile.
        failures: Images that were left out: their place in the order of reading, and
            why they cannot be read.
    """

    cropped: int
    largest_share: float
    notes: dict[str, int]
    failures: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Decoded:
    """Everything that a source holds, read and checked.

    Attributes:
        class_names: The name of each class, in the order of the labels.
        training: The training split.
        test: The test split, or ``None`` where the source has none.
        official: Whether the files are those of the publisher, to the byte.
        validation: The validation split; ``None`` where it is still to be cut.
        readings: What was lost in reading each split, where that is known.
        digests: Of the pixels of each image, uint8 ``(n, 32)``, where they are known.
    """

    class_names: tuple[str, ...]
    training: Split
    test: Split | None
    official: bool
    validation: Split | None = None
    readings: Mapping[str, ReadingRecord] = field(default_factory=dict)
    digests: Mapping[Part, np.ndarray] = field(default_factory=dict)

    @cached_property
    def duplicates(self) -> tuple[tuple[int, ...], ...]:
        """Images with the same pixels, where their digests are known.

        They are numbered through the splits in the order of ``PARTS``.
        """
        return find_groups(self.digests[part] for part in PARTS if part in self.digests)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over labels and images: training, test and validation split.

        Where their digests are known those stand for the images.
        """
        if self.digests:
            return checksum(
                (part, getattr(self, part).labels, found)
                for part, found in self.digests.items()
            )
        digest = hashlib.sha256()
        for split in (self.training, self.test, self.validation):
            if split is not None:
                # Else the same as that of a test split with these images.
                digest.update(b"validation" if split is self.validation else b"")
                digest.update(split.labels.data)
                digest.update(split.images.data)
        return digest.hexdigest()


class ImageSource(Protocol):
    """Something that images can be read from."""

    @property
    def key(self) -> str:
        """A name of its own, fit for a folder of the cache."""

    @property
    def origin(self) -> str:
        """Where the images come from, in one phrase."""

    @property
    def notice(self) -> str | None:
        """What every result must say about the images, or ``None``."""

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of each image."""

    def signature(self) -> dict[str, JsonValue] | None:
        """What changes whenever the source does, and is quick to find out.

        ``None``: it has a cache of its own.
        """

    def decode(self) -> Decoded:
        """Read everything and check it.

        Raises:
            DataError: Something is missing, damaged or not what it claims to be.
        """


def stamp_file(file: Path) -> JsonValue:
    """Name, size and times of a file, for a signature."""
    try:
        status = file.stat()
    except OSError:
        return [file.name, -1, -1]  # reading it will say what is wrong
    # The last one tells of files that took the place of one another: out of an archive,
    # sizes and times of change may be equal.
    times = status.st_mtime_ns, status.st_ctime_ns
    return [file.name, status.st_size, *times]


class CacheIndex(BaseModel):
    """What a folder of the cache says about its arrays.

    Attributes:
        version: Of this layout, and of the way images are read; another one is not
            read.
        signature: Of the source at the time of reading.
        class_names: The name of each class.
        official: Whether the source was the publisher's, to the byte.
        checksum: Of the content; see ``Dataset.checksum``.
        files: SHA-256 of each ``.npy`` file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[3] = 3
    signature: dict[str, JsonValue]
    class_names: tuple[str, ...]
    official: bool
    checksum: str
    files: dict[str, str]


class DecodedStore:
    """The arrays of one source, decoded once and then kept in the cache.

    A folder of the cache holds ``.npy`` files, each array in one of its own, so that
    the test split stays unread until it is asked for, and an index that is written
    last. A cache that is damaged, out of date or unwritable is never an error, for it
    holds nothing that the source does not.

    Attributes:
        class_names: The name of each class.
        official: Whether the files are those of the publisher, to the byte.
        checksum: See ``Dataset.checksum``.
        readings: See ``Decoded``; none where the arrays come out of the cache.
        duplicates: See ``Decoded``; likewise.
        digests: See ``Decoded``; likewise.
    """

    def __init__(self, source: ImageSource) -> None:
        """Look into the cache, or else read the source.

        Raises:
            DataError: The source was read and is not sound.
        """
        self._source = source
        self._folder = cache_folder() / "decoded" / source.key
        self._decoded: Decoded | None = None
        self._index = self._read_index()
        known = self._index or self._decode()
        self.class_names = known.class_names
        self.official = known.official
        self.checksum = known.checksum
        self.readings: Mapping[str, ReadingRecord] = (
            self._decoded.readings if self._decoded else {}
        )
        self.duplicates = self._decoded.duplicates if self._decoded else ()
        self.digests: Mapping[Part, np.ndarray] = (
            self._decoded.digests if self._decoded else {}
        )

    def training(self) -> Split:
        """The whole training split."""
        return self._cached("training") or self._decode().training

    def validation(self) -> Split | None:
        """The validation split; ``None`` where it is still to be cut."""
        return self._optional("validation")

    def test(self) -> Split | None:
        """The test split, read from the disk only now; ``None`` where there is none."""
        return self._optional("test")

    def _optional(self, part: Literal["validation", "test"]) -> Split | None:
        if self._index is not None and f"{part}-images.npy" not in self._index.files:
            return None
        return self._cached(part) or getattr(self._decode(), part)

    def _read_index(self) -> CacheIndex | None:
        """The index, when it is whole and was made from the source as it is now."""
        try:
            index = CacheIndex.model_validate_json((self._folder / _INDEX).read_bytes())
        except (OSError, ValidationError):
            return None
        return index if index.signature == self._source.signature() else None

    def _cached(self, part: Part) -> Split | None:
        if self._index is None:
            return None
        arrays = []
        for name in (f"{part}-images.npy", f"{part}-labels.npy"):
            try:
                with open(self._folder / name, "rb") as file:
                    # Before NumPy looks at it: a header that was damaged can ask for
                    # any amount of memory.
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                    if found != self._index.files[name]:
                        return None
                    file.seek(0)
                    arrays.append(np.load(file, allow_pickle=False))
            except (OSError, KeyError):
                return None
        return Split(*arrays)

    def _decode(self) -> Decoded:
        # Reached without arrays in memory only when the cache turned out damaged.
        if self._decoded is None:
            # The signature first: what changes during the reading is then read again.
            signature = self._source.signature()
            self._decoded = self._source.decode()
            self._index = None
            if signature is not None:
                self._write(self._decoded, signature)
        return self._decoded

    def _write(self, decoded: Decoded, signature: dict[str, JsonValue]) -> None:
        files: dict[str, str] = {}
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            for part in PARTS:
                split = getattr(decoded, part)
                if split is not None:
                    files |= self._write_array(f"{part}-images.npy", split.images)
                    files |= self._write_array(f"{part}-labels.npy", split.labels)
            index = CacheIndex(
                signature=signature,
                class_names=decoded.class_names,
                official=decoded.official,
                checksum=decoded.checksum,
                files=files,
            )
            write_atomically(self._folder / _INDEX, index.model_dump_json().encode())

    def _write_array(self, name: str, array: np.ndarray) -> dict[str, str]:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        content = buffer.getvalue()
        write_atomically(self._folder / name, content)
        return {name: hashlib.sha256(content).hexdigest()}
