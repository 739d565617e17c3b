"""What a path given to ``data import`` may be."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.data.cifar.facts import Cifar
from cifarcnn.data.cifar.files import read_first_name
from cifarcnn.data.cifar.location import Location, find_locations
from cifarcnn.data.cifar.source import CifarSource
from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.importing.image_folder import read_image_folder
from cifarcnn.data.importing.npz import read_npz
from cifarcnn.errors import DataError

_GZIP, _USTAR = b"\x1f\x8b", b"ustar"
_WANTED = (
    "expected an archive or a folder of the binary or the Python version, a folder "
    "that holds one, an .npz file with x_train, y_train, x_test and y_test, or folders "
    "of 32x32 pictures train/<class>/ and test/<class>/"
)


@dataclass(frozen=True)
class CifarCopy:
    """A copy of a data set that was read and is sound in itself.

    Attributes:
        cifar: Which data set.
        decoded: Its images.
        location: Where its files lie; ``None`` when they are in no published form.
    """

    cifar: Cifar
    decoded: Decoded
    location: Location | None


def read_copy(path: Path, kinds: tuple[Cifar, ...]) -> CifarCopy:
    """Read what ``path`` holds, whatever of the known forms it has.

    Of several copies the first sound one is taken, an official one before others.

    Args:
        path: A file or a folder.
        kinds: The data sets that it may be.

    Raises:
        DataError: There is nothing at ``path``; it holds no copy; or none is sound,
            each with its reason.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    if stat.S_ISREG(mode):
        return _read_file(path, kinds)
    if not stat.S_ISDIR(mode):
        raise DataError(f"{path} is not a regular file or folder; {_WANTED}.")
    problems, sound = [], None
    copies = ((cifar, one) for cifar in kinds for one in find_locations(cifar, path))
    for cifar, place in copies:
        try:
            found = CifarCopy(cifar, CifarSource(cifar, place).decode(), place)
        except DataError as error:
            problems.append(str(error))
            continue
        if found.decoded.official:
            return found
        sound = sound or found
    if sound is not None:
        return sound
    if problems:
        raise DataError("\n".join(problems))
    if (path / "train").is_dir() and (path / "test").is_dir():
        return CifarCopy(*read_image_folder(path, kinds), location=None)
    raise DataError(f"{path} holds no copy of CIFAR; {_WANTED}.")


def _read_file(path: Path, kinds: tuple[Cifar, ...]) -> CifarCopy:
    try:
        with open(path, "rb") as file:
            start = file.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    # What comes behind a .tar may look like the end of a zip file.
    tar = start.startswith(_GZIP) or start[257:262] == _USTAR
    if not tar and zipfile.is_zipfile(path):
        return CifarCopy(*read_npz(path, kinds), location=None)
    folder = read_first_name(path)
    for cifar in kinds:
        for layout in cifar.layouts:
            # By its own name it is known even when its content is damaged.
            if folder == layout.folder or path.name == layout.archive.name:
                place = Location(layout, path, packed=True)
                return CifarCopy(cifar, CifarSource(cifar, place).decode(), place)
    raise DataError(f"{path} is not a copy of CIFAR; {_WANTED}.")
