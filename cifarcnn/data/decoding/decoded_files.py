"""Files of images decoded once, into a memory-mapped cache that is checked.

``decoded/<key>/64x64-crop.json`` is the index of one size. The images are in the
``.npy`` file that it names, one array for all splits: a split is some of its rows, and
another cut decodes nothing. For each image there is the SHA-256 of its pixels, and all
are compared when it is opened. Of what is damaged only that is decoded again, and so is
what is new or was changed; what is gone leaves.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cifarcnn.data.cifar.location import cache_folder
from cifarcnn.data.decoding.decode import decode_files
from cifarcnn.data.decoding.decoded_index import DecodedIndex, FileRecord
from cifarcnn.data.decoding.file_reading import Reading, digest_pixels
from cifarcnn.data.decoding.observer import current_observer
from cifarcnn.data.decoding.row_file import RowFile, Rows, Shape, find_damaged
from cifarcnn.data.decoding.row_places import remove_outdated, store_rows
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.files import write_atomically

_TELL_SECONDS = 0.1
_QUICK_SECONDS = 1.0


@dataclass(frozen=True)
class DecodedFiles:
    """The images of many files.

    Attributes:
        images: uint8 ``(n, height, width, 3)``, those of the files in their order;
            read-only, and mapped from a file wherever one can be written.
        digests: uint8 ``(n, 32)``, SHA-256 of the pixels of each.
        readings: What became of each file. Where it failed, its pixels are 0.
    """

    images: np.ndarray
    digests: np.ndarray
    readings: tuple[Reading, ...]

    @classmethod
    def of(cls, images: np.ndarray, records: Sequence[FileRecord]) -> DecodedFiles:
        """From images and what is known of their files."""
        digests = np.frombuffer(b"".join(r.digest for r in records), np.uint8)
        readings = tuple(record.reading for record in records)
        return cls(images, digests.reshape(-1, 32), readings)


def open_decoded_files(
    key: str, paths: Sequence[str], target: TargetSize
) -> DecodedFiles:
    """The images of files, decoded now or before.

    Progress is told to the observer of ``decoding.observer``.

    Args:
        key: The folder of the cache for these files, whatever their order and number.
        paths: Of the files, absolute.
        target: What each image is brought to.

    Raises:
        DataError: There is no room for the pixels, or the processes that decode end
            one after the other. A file that cannot be read is no error here.
    """
    if not paths:
        return DecodedFiles.of(np.empty((0, target.height, target.width, 3), "u1"), [])
    stamps = [_stamp(path) for path in paths]
    folder = cache_folder() / "decoded" / key
    cached = _Cached.find(folder, target)
    if cached is not None and [record.stamp for record in cached.records] == stamps:
        unchanged = cached.open(paths, target)
        if unchanged is not None:
            return unchanged
    return _decode(folder, paths, stamps, target, cached)


def checksum(parts: Iterable[tuple[str, np.ndarray, np.ndarray]]) -> str:
    """SHA-256 over what splits hold, without a look at the images.

    Args:
        parts: Name, labels ``(n,)`` and digests ``(n, 32)`` of each split.
    """
    digest = hashlib.sha256()
    for name, labels, digests in parts:
        digest.update(f"{name} {len(labels)}\n".encode())
        digest.update(np.asarray(labels, "<u2").tobytes())
        digest.update(np.ascontiguousarray(digests).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Cached:
    """What lies in the cache; whether its images are sound is still to be seen."""

    path: Path
    shape: Shape
    records: list[FileRecord]

    @classmethod
    def find(cls, folder: Path, target: TargetSize) -> _Cached | None:
        """What is there for a size, if it is whole."""
        try:
            content = (folder / f"{_stem(target)}.json").read_bytes()
            index = DecodedIndex.model_validate_json(content)
            records = index.records()
            shape = (len(records), target.height, target.width, 3)
            path = folder / index.images
            with path.open("rb", buffering=0) as file:
                # Compared, not obeyed: a header can ask for any amount of memory.
                whole = RowFile(file, shape).is_whole()
        except (OSError, ValueError):
            return None
        return cls(path, shape, records) if whole else None

    def open(self, paths: Sequence[str], target: TargetSize) -> DecodedFiles | None:
        """All of it, unless some is to be decoded again."""
        records = list(self.records)
        failed = [row for row, record in enumerate(records) if record.reading.failure]
        with closing(decode_files([paths[row] for row in failed], target)) as files:
            for place, decoded in files:
                if decoded.reading.failure is None:
                    return None
                row = failed[place]
                records[row] = records[row]._replace(reading=decoded.reading)
        digests = [record.digest for record in records]
        try:
            if find_damaged(self.path, self.shape, digests):
                return None
            with open(str(self.path), "rb", buffering=0) as file:
                images = RowFile(file, self.shape).map()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            # So that they stay: see ``remove_outdated``.
            os.utime(self.path.parent / f"{_stem(target)}.json")
            os.utime(self.path)
        remove_outdated(self.path.parent, _stem(target), self.path.name)
        return DecodedFiles.of(images, records)


def _decode(
    folder: Path,
    paths: Sequence[str],
    stamps: Sequence[bytes],
    target: TargetSize,
    cached: _Cached | None,
) -> DecodedFiles:
    start = time.monotonic()
    records: list[FileRecord] = []

    def fill(rows: Rows) -> None:
        records[:] = _fill(rows, paths, stamps, target, cached)

    shape = (len(paths), target.height, target.width, 3)
    stem = _stem(target)
    stored = store_rows(folder, stem, shape, fill)
    if stored.name is not None:
        index = DecodedIndex.of(stored.name, records).model_dump_json()
        with contextlib.suppress(OSError):
            write_atomically(folder / f"{stem}.json", index.encode())
            remove_outdated(folder, stem, stored.name)
    elif time.monotonic() - start > _QUICK_SECONDS:
        current_observer().noted(
            "the decoded pictures are not kept, and will be decoded again the next "
            f"time ({'; '.join(stored.reasons)})"
        )
    return DecodedFiles.of(stored.images, records)


def _fill(
    rows: Rows,
    paths: Sequence[str],
    stamps: Sequence[bytes],
    target: TargetSize,
    cached: _Cached | None,
) -> list[FileRecord]:
    """Write every image: out of the cache, if it is there and sound, or its file."""
    found: dict[int, FileRecord] = {}
    if cached is not None:
        for number, record, pixels in _read_known(cached, stamps):
            rows.write(number, pixels)
            found[number] = record
    missing = [number for number in range(len(paths)) if number not in found]
    observer = current_observer()
    start = time.monotonic()
    next_told = start + _QUICK_SECONDS
    total = len(missing)
    with closing(decode_files([paths[row] for row in missing], target)) as files:
        for done, (place, file) in enumerate(files, 1):
            number = missing[place]
            rows.write(number, file.pixels)
            found[number] = FileRecord(stamps[number], file.digest, file.reading)
            now = time.monotonic()
            if now >= next_told or (done == total and now >= start + _QUICK_SECONDS):
                next_told = now + _TELL_SECONDS
                observer.images_decoded(done, total, now - start)
    return [found[number] for number in range(len(paths))]


def _read_known(
    cached: _Cached, stamps: Sequence[bytes]
) -> Iterator[tuple[int, FileRecord, np.ndarray]]:
    """The images of files that are as they were."""
    known = {
        record.stamp: (row, record)
        for row, record in enumerate(cached.records)
        if record.reading.failure is None
    }
    try:
        with cached.path.open("rb", buffering=0) as file:
            images = RowFile(file, cached.shape)
            for number, stamp in enumerate(stamps):
                if stamp in known:
                    row, record = known[stamp]
                    pixels = images.read(row)
                    if digest_pixels(pixels) == record.digest:
                        yield number, record, pixels
    except OSError:
        return  # the others are decoded again


def _stem(target: TargetSize) -> str:
    """What the names of the files of one size begin with."""
    return f"{target.height}x{target.width}-{target.resize}"


def _stamp(path: str) -> bytes:
    """Of name, size and times of a file: another one whenever it was changed."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        described = "missing"  # reading it will say what is wrong
    else:
        # The last one tells of files that took the place of one another: out of an
        # archive, sizes and times of change may be equal.
        described = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    text = os.fsencode(f"{path}\n{described}")
    return hashlib.blake2b(text, digest_size=16).digest()
