"""The Python files of CIFAR: pickles, read without running anything in them.

What the official files need of NumPy are three names: the array type, its data type,
and the function that puts an array together. They are answered with inert stand-ins
that only remember what they were given, so that not even NumPy's own code is driven
by the file. Every other name is refused.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

import numpy as np

from cifarcnn.data.cifar.facts import PIXELS, Cifar
from cifarcnn.errors import DataError

_MEMO_OPCODES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
# Official batches remember about 20,000 things. Pythons before 3.15 make a table as
# long as the largest number named here, whatever the size of the file.
_MEMO_LIMIT = 1_000_000
_UINT8 = {(b"u1",), ("u1",)}  # the first argument of ``numpy.dtype``
# Each makes an object at most. The longest official file has about 300,000.
_MOST_OPERATIONS = 600_000


class _ArrayStandIn:
    """Stands in for ``numpy.ndarray`` and ``numpy.dtype``; keeps what it is given."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


_STAND_INS = {
    ("numpy", "ndarray"): _ArrayStandIn,
    ("numpy", "dtype"): _ArrayStandIn,
    # The same function, as NumPy before 2 and since writes its name.
    ("numpy.core.multiarray", "_reconstruct"): _ArrayStandIn,
    ("numpy._core.multiarray", "_reconstruct"): _ArrayStandIn,
}


class _ForbiddenGlobal(Exception):
    """The pickle asks for something that no CIFAR file needs."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise _ForbiddenGlobal(f"{module}.{name}") from None


def read_pickled_batch(
    cifar: Cifar, data: bytes, shown: str, images: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read one batch.

    Args:
        cifar: Which data set.
        data: The file.
        shown: Its name, for messages.
        images: How many it must hold.

    Returns:
        The labels, uint8 ``(images,)``, and the pixels, uint8 ``(images, 3072)``.

    Raises:
        DataError: The pickle is broken, wants to run something, or holds anything but
            as many labels and images as expected.
    """
    entries = _unpickle(data, shown)
    labels, stored = entries.get(cifar.labels_key), entries.get("data")
    if not isinstance(labels, list) or len(labels) != images:
        found = f"{len(labels):,}" if isinstance(labels, list) else "none"
        raise DataError(
            f"{shown} should hold {images:,} labels under {cifar.labels_key!r}, "
            f"found {found}."
        )
    classes = len(cifar.class_names)
    for position, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < classes:
            raise DataError(
                f"{shown}: picture {position} (counted from 0) has the label "
                f"{_shown(label)}, expected 0 to {classes - 1}."
            )
    pixels = _pixels(stored, images)
    if pixels is None:
        raise DataError(
            f"{shown} should hold an array of {images:,} x {PIXELS:,} bytes (uint8) "
            "under 'data', found something else."
        )
    return np.array(labels, np.uint8), np.frombuffer(pixels, np.uint8).reshape(
        images, PIXELS
    )


def read_pickled_names(cifar: Cifar, data: bytes, shown: str) -> list[str]:
    """Read the names of the classes.

    Raises:
        DataError: The pickle is broken, wants to run something, or has no names.
    """
    names = _unpickle(data, shown).get(cifar.names_key)
    if not isinstance(names, list):
        raise DataError(
            f"{shown} has no list of class names under {cifar.names_key!r}."
        )
    return [_text(name) for name in names]


def _unpickle(data: bytes, shown: str) -> dict[str, object]:
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count >= _MOST_OPERATIONS:
                raise pickle.UnpicklingError("more operations than any CIFAR file")
            if opcode.name in _MEMO_OPCODES and int(argument or 0) >= _MEMO_LIMIT:
                raise pickle.UnpicklingError("memo index out of bounds")
        # Python 2 wrote these files: its strings are bytes.
        content = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except _ForbiddenGlobal as error:
        raise DataError(
            f"{shown} asks for {error}, which no CIFAR file contains: it could do harm "
            "and was not opened. Get the official file."
        ) from None
    except Exception:
        # Broken bytes reach every corner of the unpickler; it has no one exception.
        raise DataError(
            f"{shown} is not a whole Python pickle. Get the official file."
        ) from None
    if not isinstance(content, dict):
        raise DataError(
            f"{shown} holds a {type(content).__name__}, expected a dictionary. "
            "Get the official file."
        )
    return {_text(key): value for key, value in content.items()}


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else type(value).__name__


def _shown(label: object) -> str:
    # Python refuses to write out very long numbers, and very deep lists.
    if isinstance(label, float) or (isinstance(label, int) and abs(label) < 10**18):
        return str(label)
    if isinstance(label, bytes | str):
        return f"{label[:20]!r}"
    return f"of the type {type(label).__name__}"


def _pixels(stored: object, images: int) -> bytes | None:
    state = stored.state if isinstance(stored, _ArrayStandIn) else None
    if not isinstance(state, tuple) or len(state) != 5:
        return None
    _, shape, kind, by_columns, content = state  # ndarray.__reduce__ writes these
    if shape != (images, PIXELS) or by_columns or not isinstance(content, bytes):
        return None
    if not isinstance(kind, _ArrayStandIn) or kind.arguments[:1] not in _UINT8:
        return None
    return content if len(content) == images * PIXELS else None
