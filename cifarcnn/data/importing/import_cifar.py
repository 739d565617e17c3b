"""From a copy of any form to the data set in the user's cache folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cifarcnn.data.cifar.facts import CIFAR10, CIFAR100, PIXELS, Cifar
from cifarcnn.data.cifar.files import read_archive, read_folder
from cifarcnn.data.cifar.location import (
    Location,
    cache_folder,
    find_shadowing,
    write_provenance,
)
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.fetching.fetch import locked
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import FetchObserver
from cifarcnn.data.importing.check_content import check_content
from cifarcnn.data.importing.detect_format import CifarCopy, read_copy
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError
from cifarcnn.files import sync_folder, write_atomically

_MARK = ".importing-"


@dataclass(frozen=True)
class ImportResult:
    """What an import came to.

    Attributes:
        cifar: Which data set it was.
        path: Where it lies now.
        official: Whether it is the publisher's, to the byte.
        shadowed_by: What is found before it when the data set is opened, or ``None``.
        notes: Of how many images each note is, such as of a damaged colour profile.
    """

    cifar: Cifar
    path: Path
    official: bool
    shadowed_by: Path | None
    notes: dict[str, int]


def import_cifar(
    path: Path,
    kinds: tuple[Cifar, ...] = (CIFAR10, CIFAR100),
    *,
    folder: Path | None = None,
    observer: FetchObserver | None = None,
) -> ImportResult:
    """Check a copy of CIFAR and put it where the program looks for it.

    Args:
        path: An archive or folder of the binary or Python version, a folder that
            holds one (such as Keras's or torchvision's cache), an ``.npz`` file with
            the four arrays, or folders of images ``train/<class>`` and
            ``test/<class>``.
        kinds: The data sets that it may be.
        folder: Where it goes; ``None``: the user's cache folder.
        observer: Told when another process has to be waited for.

    Raises:
        DataError: There is no copy, it is damaged or not CIFAR, something else stands
            in its place, or there is no room.
    """
    found = read_copy(path, kinds)
    if not found.decoded.official:
        check_content(found.cifar, found.decoded, path)
    target = cache_folder() if folder is None else folder
    archive = found.cifar.binary.archive
    with locked(target, archive, RetryPolicy(), observer or FetchObserver()):
        placed = install_copy(found, target)
    readings = found.decoded.readings.values()
    write_provenance(placed, "imported", str(path.absolute()))
    return ImportResult(
        found.cifar,
        placed,
        found.decoded.official,
        find_shadowing(found.cifar, placed) if folder is None else None,
        dict(sum((Counter(one.notes) for one in readings), Counter())),
    )


def install_copy(found: CifarCopy, folder: Path) -> Path:
    """Put ``found`` into ``folder``.

    An official archive is copied as it is; of everything else the plain files are
    written, in the form they have, or the binary one. They are read back and
    compared before they get their name.

    Args:
        found: Read and checked.
        folder: Exists.

    Returns:
        The archive, or the folder of the files.

    Raises:
        DataError: Something else stands in its place; there is no room; or what was
            written is not what was read.
    """
    # Of an import that was killed; the caller holds the lock.
    for path in folder.glob(f"{_MARK}*"):
        shutil.rmtree(path, ignore_errors=True)
    source = found.location
    if source is not None and source.packed and found.decoded.official:
        target = Location(
            source.layout, folder / source.layout.archive.name, packed=True
        )
    else:
        layout = found.cifar.binary if source is None else source.layout
        target = Location(layout, folder / layout.folder, packed=False)
    if os.path.lexists(target.path):
        _compare(found, target)
        return target.path
    try:
        with tempfile.TemporaryDirectory(prefix=_MARK, dir=folder) as work:
            draft = replace(target, path=Path(work) / target.path.name)
            _write(found, draft)
            written = CifarSource(found.cifar, draft).decode()
            if written.checksum != found.decoded.checksum:
                raise DataError(
                    f"{target.path}: what was written is not what was read; the source "
                    "changed meanwhile, or a disk is failing. Nothing was imported."
                )
            # Fails where in the meantime something was put, other than a file.
            draft.path.rename(target.path)
            sync_folder(folder)
    except OSError as error:
        raise _explain(error, found.cifar, folder) from None
    return target.path


def _compare(found: CifarCopy, target: Location) -> None:
    with contextlib.suppress(DataError):
        there = CifarSource(found.cifar, target).decode()
        if there.checksum == found.decoded.checksum:
            return
    raise DataError(
        f"{target.path} is there already and holds something else. It is not touched. "
        "Move it away and import again."
    )


def _write(found: CifarCopy, draft: Location) -> None:
    place, cifar = found.location, found.cifar
    if draft.packed and place is not None:
        write_atomically(draft.path, place.path.read_bytes())
        return
    files = binary_files(cifar, found.decoded)
    if place is not None:
        read = read_archive if place.packed else read_folder
        pieces = read(cifar, place.layout, place.path)
        files = ((piece.name, piece.data) for piece in pieces)
    draft.path.mkdir()
    for name, data in files:
        write_atomically(draft.path / name, data)


def binary_files(cifar: Cifar, decoded: Decoded) -> Iterator[tuple[str, bytes]]:
    """The files of the binary form, as the publisher would have written them."""
    layout = cifar.binary
    parts = ((layout.training, decoded.training), ((layout.test,), decoded.test))
    for files, split in parts:
        if split is not None:
            records = np.split(_records(cifar, split), len(files))
            for file, part in zip(files, records, strict=True):
                yield file.name, part.tobytes()
    names = "".join(f"{name}\n" for name in cifar.class_names)
    yield layout.names_file, names.encode()


def _records(cifar: Cifar, split: Split) -> np.ndarray:
    columns = [split.labels[:, None]]
    if cifar.coarse_labels:
        coarse = np.array(cifar.coarse_labels, np.uint8)
        columns.insert(0, coarse[split.labels][:, None])
    planes = split.images.transpose(0, 3, 1, 2).reshape(len(split), -1)
    return np.hstack([*columns, planes])


def _explain(error: OSError, cifar: Cifar, folder: Path) -> DataError:
    needed = PIXELS * sum(file.images for file in cifar.binary.data_files)
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(folder).free
        return DataError(
            f"{folder} cannot take the data: {error.strerror}. About {needed:,} bytes "
            f"are needed, {free:,} are free. The environment variable CIFARCNN_CACHE "
            "can name another folder."
        )
    return DataError(f"{folder} cannot be written: {error.strerror}.")
