"""CIFAR from an ``.npz`` file: the four arrays that Keras's ``load_data`` gives.

``numpy.load`` believes what a file says about itself. Here sizes and types are held
against what CIFAR has before NumPy reads an array, and nothing is unpickled.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from cifarcnn.config.datasets import CIFAR_IMAGE_SHAPE
from cifarcnn.data.cifar.facts import CIFAR10, CIFAR100, Cifar
from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError

NAMES = ("x_train", "y_train", "x_test", "y_test")
_CHUNK = 1 << 20  # the largest piece of a file that is read at once
_HEADER = 4096  # NumPy's headers have 128 bytes
_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_MOST_LABEL_BYTES = 8
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # encrypted
    ValueError,
)


def read_npz(
    path: Path, kinds: tuple[Cifar, ...] = (CIFAR10, CIFAR100)
) -> tuple[Cifar, Decoded]:
    """Read the four arrays.

    Args:
        path: The file.
        kinds: The data sets that it may be; the labels decide.

    Returns:
        Which data set it is, and its images.

    Raises:
        DataError: The file cannot be read, is damaged, or lacks an array; or an array
            has another shape or type than those of CIFAR have.
    """
    try:
        with _BoundedFile(path) as file, zipfile.ZipFile(file) as members:
            return _read(path, members, kinds)
    except _BROKEN:
        raise DataError(
            f"{path} is damaged or not an .npz file: it cannot be read to its end."
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


class _BoundedFile(io.FileIO):
    """A file of which ``zipfile`` cannot read a huge directory at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _CHUNK:
            raise zipfile.BadZipFile
        return super().read(_CHUNK if size is None or size < 0 else size) or b""


def _read(
    path: Path, members: zipfile.ZipFile, kinds: tuple[Cifar, ...]
) -> tuple[Cifar, Decoded]:
    known = set(members.namelist())
    missing = [name for name in NAMES if f"{name}.npy" not in known]
    if missing:
        raise DataError(
            f"{path} lacks {', '.join(missing)}; expected the arrays "
            f"{', '.join(NAMES)}."
        )
    # All data sets have as many images.
    counts = {"train": kinds[0].training_images, "test": kinds[0].binary.test.images}
    labels = {
        part: _read_labels(path, members, f"y_{part}", count)
        for part, count in counts.items()
    }
    classes = max(int(part.max()) for part in labels.values()) + 1
    fitting = [cifar for cifar in kinds if len(cifar.class_names) == classes]
    if not fitting:
        expected = " or ".join(str(len(cifar.class_names) - 1) for cifar in kinds)
        raise DataError(
            f"{path}: the largest label is {classes - 1}, expected {expected}."
        )
    training, test = (
        Split(_read_images(path, members, f"x_{part}", count), labels[part])
        for part, count in counts.items()
    )
    cifar = fitting[0]
    return cifar, Decoded(cifar.class_names, training, test, official=False)


def _read_labels(
    path: Path, members: zipfile.ZipFile, name: str, count: int
) -> np.ndarray:
    array = _read_array(path, members, name, [(count,), (count, 1)], "iu", "integers")
    flat = array.reshape(-1)
    low, high = int(flat.min()), int(flat.max())
    if low < 0 or high > 255:
        raise DataError(
            f"{path}: {name} has the label {low if low < 0 else high}, expected 0 or "
            "more."
        )
    return flat.astype(np.uint8)


def _read_images(
    path: Path, members: zipfile.ZipFile, name: str, count: int
) -> np.ndarray:
    height, width, channels = CIFAR_IMAGE_SHAPE
    shapes: list[tuple[int, ...]] = [
        (count, height, width, channels),
        (count, channels, height, width),
    ]
    array = _read_array(path, members, name, shapes, "u", "uint8, 0 to 255")
    if array.shape == shapes[1]:
        array = array.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(array)


def _read_array(
    path: Path,
    members: zipfile.ZipFile,
    name: str,
    shapes: list[tuple[int, ...]],
    kinds: str,
    wanted: str,
) -> np.ndarray:
    info = members.getinfo(f"{name}.npy")
    if info.compress_type not in _COMPRESSIONS:
        raise NotImplementedError
    with members.open(info) as stream:
        shape, dtype = _read_header(stream)
    if dtype.hasobject:
        raise DataError(
            f"{path}: {name} holds Python objects, which could run code when they "
            f"are read, and was not opened; expected {wanted}."
        )
    most = 1 if len(shapes[0]) == 4 else _MOST_LABEL_BYTES
    if shape not in shapes or dtype.kind not in kinds or dtype.itemsize > most:
        raise DataError(
            f"{path}: {name} is {str(dtype):.40} {str(shape):.80}, expected "
            f"{wanted}, of the shape {' or '.join(map(str, shapes))}."
        )
    with members.open(info) as stream:
        array: np.ndarray = npy.read_array(stream, allow_pickle=False)
        # The checksum of the member stands behind its last byte.
        if stream.read(1):
            raise EOFError
    return array


def _read_header(stream: IO[bytes]) -> tuple[Any, np.dtype[Any]]:
    """Shape and type of an array, from its first bytes alone."""
    file = io.BytesIO(stream.read(_HEADER))
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        shape, _, dtype = readers[version](file, max_header_size=_HEADER)
    except Exception:
        # It is Python source: broken, it reaches every corner of Python's parser.
        raise ValueError from None
    return shape, dtype
