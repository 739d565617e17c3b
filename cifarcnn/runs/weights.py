"""Arrays to the bytes of a weights file and back, each value checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cifarcnn.errors import DivergedError, RunError
from cifarcnn.runs.safe_read import RESTORE_HINT

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

WeightsChoice = Literal["best", "last"]
# ``best`` stands for the weights that the run settled on (``training.weights``).
WEIGHTS_FILES: Mapping[WeightsChoice, str] = {
    "best": "weights.safetensors",
    "last": "last.safetensors",
}

ArraySpec = tuple[tuple[int, ...], str]  # shape and the name of the element type

_ITEM_BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8,
}  # fmt: skip


def pack_arrays(
    path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of a safetensors file that holds ``arrays``.

    Args:
        path: Where it will lie, for the message.
        arrays: By name; any shape, also 0-dimensional.
        metadata: Texts for its header.

    Raises:
        DivergedError: A value is infinite or not a number.
    """
    import numpy as np
    from safetensors.numpy import save

    name = first_non_finite(arrays)
    if name:
        raise DivergedError(
            f"{path} is not written: the array {name!r} holds values that are not "
            "finite. The training has diverged; try a smaller learning rate."
        )
    # safetensors reads the memory behind an array as if it lay in C order.
    data: bytes = save(
        {name: np.array(value, order="C") for name, value in arrays.items()},
        dict(metadata) if metadata else None,
    )
    return data


def unpack_arrays(
    path: Path, data: bytes, expected: Mapping[str, ArraySpec]
) -> dict[str, Array]:
    """The arrays in the bytes of a safetensors file, in the order of ``expected``.

    Raises:
        RunError: The bytes are no safetensors file, do not hold exactly what is
            expected, or a value is infinite or not a number.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
    # KeyError: an element type that NumPy does not have.
    except (SafetensorError, KeyError, ValueError) as error:
        raise RunError(
            f"{path} is damaged: it is not a safetensors file of arrays that NumPy "
            f"knows. {RESTORE_HINT}"
        ) from error
    found = {
        name: (tuple(array.shape), array.dtype.name) for name, array in arrays.items()
    }
    difference = first_difference(found, expected)
    if difference:
        raise RunError(f"{path} does not fit the network of config.yaml: {difference}.")
    check_finite(path, arrays)
    return {name: arrays[name] for name in expected}


def check_finite(path: Path, arrays: Mapping[str, Array]) -> None:
    """See that all values are numbers.

    Raises:
        RunError: A value is infinite or not a number.
    """
    name = first_non_finite(arrays)
    if name:
        raise RunError(
            f"{path} holds values that are not finite, first in the array {name!r}. "
            f"Such weights are not loaded. {RESTORE_HINT}"
        )


def describe_arrays(arrays: Mapping[str, Array]) -> dict[str, ArraySpec]:
    """Shape and element type of each array."""
    return {
        name: (tuple(int(n) for n in array.shape), array.dtype.name)
        for name, array in arrays.items()
    }


def first_difference(
    found: Mapping[str, ArraySpec], expected: Mapping[str, ArraySpec]
) -> str | None:
    """The first array that is missing, different or too many; None when all agree."""
    for name, (shape, dtype) in expected.items():
        if name not in found:
            return f"the array {name!r} is missing"
        if found[name] != (shape, dtype):
            other_shape, other_dtype = found[name]
            return (
                f"the array {name!r} is {other_dtype} {other_shape}, but {dtype} "
                f"{shape} is needed"
            )
    for name in found:
        if name not in expected:
            return f"the array {name!r} is not part of it"
    return None


def size_limit(expected: Mapping[str, ArraySpec]) -> int:
    """The most bytes that a file of these arrays can have, its header included."""
    values = 0
    header = 1024
    for name, (shape, dtype) in expected.items():
        count = 1
        for length in shape:
            count *= length
        values += count * _ITEM_BYTES.get(dtype, 8)
        header += 200 + 20 * len(shape) + 12 * len(name)
    return values + header


def first_non_finite(arrays: Mapping[str, Array]) -> str | None:
    """The first array that holds infinity or NaN; None when all values are finite."""
    import numpy as np

    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return name
    return None
