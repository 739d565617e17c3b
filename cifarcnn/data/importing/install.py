"""Putting a copy into its final folder, whole and checked, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cifarcnn.data.cifar.facts import PIXELS, Cifar
from cifarcnn.data.cifar.files import Piece, read_archive, read_folder
from cifarcnn.data.cifar.location import Location
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.importing.detect_format import CifarCopy
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError
from cifarcnn.files import sync_folder, write_atomically

_MARK = ".importing-"


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
    _remove_leftovers(folder)
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
            draft = Path(work) / target.path.name
            _write(found, draft, packed=target.packed)
            _check(found, Location(target.layout, draft, target.packed), target.path)
            # Fails where in the meantime something was put, other than a file.
            draft.rename(target.path)
            sync_folder(folder)
    except OSError as error:
        raise _explain(error, found.cifar, folder) from None
    return target.path


def _remove_leftovers(folder: Path) -> None:
    # Of an import that was killed; the caller holds the lock.
    for path in folder.glob(f"{_MARK}*"):
        shutil.rmtree(path, ignore_errors=True)


def _compare(found: CifarCopy, target: Location) -> None:
    with contextlib.suppress(DataError):
        there = CifarSource(found.cifar, target).decode()
        if there.checksum == found.decoded.checksum:
            return
    raise DataError(
        f"{target.path} is there already and holds something else. It is not touched. "
        "Move it away and import again."
    )


def _check(found: CifarCopy, draft: Location, target: Path) -> None:
    written = CifarSource(found.cifar, draft).decode()
    if written.checksum != found.decoded.checksum:
        raise DataError(
            f"{target}: what was written is not what was read; the source changed "
            "meanwhile, or a disk is failing. Nothing was imported."
        )


def _write(found: CifarCopy, draft: Path, *, packed: bool) -> None:
    if packed and found.location is not None:
        write_atomically(draft, found.location.path.read_bytes())
        return
    draft.mkdir()
    for name, data in _files(found):
        write_atomically(draft / name, data)


def _files(found: CifarCopy) -> Iterator[tuple[str, bytes]]:
    place, cifar = found.location, found.cifar
    if place is None:
        yield from binary_files(cifar, found.decoded)
        return
    read = read_archive if place.packed else read_folder
    pieces: Iterator[Piece] = read(cifar, place.layout, place.path)
    for piece in pieces:
        yield piece.name, piece.data


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
