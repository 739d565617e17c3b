"""CIFAR from an ``.npz`` file: the four arrays that Keras's ``load_data`` gives.

NumPy's own reader believes what a file says about itself. Here sizes and types are
held against what CIFAR has before a single number is read, and nothing is unpickled.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from cifarcnn.data.cifar.facts import CIFAR10, CIFAR100, Cifar
from cifarcnn.data.decoded_cache import Decoded
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError

NAMES = ("x_train", "y_train", "x_test", "y_test")
# The largest piece of a file that is read at once. NumPy's headers have 128 bytes.
_CHUNK = 1 << 20
_HEADER = 4096
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
        with open(path, "rb") as file, zipfile.ZipFile(_Bounded(file)) as members:
            return _read(path, members, kinds)
    except _BROKEN:
        raise DataError(
            f"{path} is damaged or not an .npz file: it cannot be read to its end."
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


class _Bounded(io.BufferedIOBase):
    """A file of which no large piece is read at once, whatever it claims to hold."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _CHUNK:
            raise zipfile.BadZipFile
        return self._file.read(_CHUNK if size is None or size < 0 else size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


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
    train = kinds[0].training_images
    test = kinds[0].binary.test.images
    labels = [
        _read_labels(path, members, name, count)
        for name, count in (("y_train", train), ("y_test", test))
    ]
    classes = max(int(part.max()) for part in labels) + 1
    for cifar in kinds:
        if classes == len(cifar.class_names):
            break
    else:
        expected = " or ".join(str(len(cifar.class_names) - 1) for cifar in kinds)
        raise DataError(
            f"{path}: the largest label is {classes - 1}, expected {expected}."
        )
    images = [
        _read_images(path, members, name, count)
        for name, count in (("x_train", train), ("x_test", test))
    ]
    return cifar, Decoded(
        cifar.class_names,
        Split(images[0], labels[0]),
        Split(images[1], labels[1]),
        official=False,
    )


def _read_labels(
    path: Path, members: zipfile.ZipFile, name: str, count: int
) -> np.ndarray:
    array = _read_array(path, members, name, [(count,), (count, 1)], "iu", "integers")
    flat = array.reshape(-1)
    if flat.min() < 0 or flat.max() > 255:
        raise DataError(
            f"{path}: {name} has the label "
            f"{int(flat.min() if flat.min() < 0 else flat.max())}, expected 0 or more."
        )
    return flat.astype(np.uint8)


def _read_images(
    path: Path, members: zipfile.ZipFile, name: str, count: int
) -> np.ndarray:
    shapes: list[tuple[int, ...]] = [(count, 32, 32, 3), (count, 3, 32, 32)]
    array = _read_array(path, members, name, shapes, "u", "uint8, 0 to 255")
    if array.shape[1] == 3:
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
        shape, by_columns, kind, content = _read_header(stream)
        if kind.hasobject:
            raise DataError(
                f"{path}: {name} holds Python objects, which could run code when they "
                f"are read, and was not opened; expected {wanted}."
            )
        most = 1 if len(shapes[0]) == 4 else _MOST_LABEL_BYTES
        if shape not in shapes or kind.kind not in kinds or kind.itemsize > most:
            raise DataError(
                f"{path}: {name} is {str(kind):.40} {str(shape):.80}, expected "
                f"{wanted}, of the shape {' or '.join(map(str, shapes))}."
            )
        size = int(np.prod(shape)) * kind.itemsize
        buffer = bytearray(content[:size])
        while len(buffer) < size:
            chunk = stream.read(min(_CHUNK, size - len(buffer)))
            if not chunk:
                raise EOFError
            buffer += chunk
        # The checksum of the member stands behind its last byte.
        if len(content) > size or stream.read(1):
            raise EOFError
    return np.frombuffer(buffer, kind).reshape(shape, order="F" if by_columns else "C")


def _read_header(stream: IO[bytes]) -> tuple[Any, bool, np.dtype[Any], bytes]:
    """Shape, order and type of an array, and the bytes behind its header."""
    from numpy.lib import format as npy

    start = stream.read(_HEADER)
    file = io.BytesIO(start)
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        shape, by_columns, kind = readers[version](file, max_header_size=_HEADER)
    except Exception:
        # It is Python source: broken, it reaches every corner of Python's parser.
        raise ValueError from None
    return shape, by_columns, kind, start[file.tell() :]
