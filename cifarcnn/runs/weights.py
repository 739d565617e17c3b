"""A weights file with its entry in the manifest, and its arrays, each value checked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cifarcnn.errors import DivergedError, RunError
from cifarcnn.runs.manifest import (
    FORMAT,
    MANIFEST,
    WEIGHTS_FILES,
    ArrayRecord,
    Manifest,
    Origin,
    WeightsKind,
    WeightsRecord,
    check_config,
    hash_config,
    read_manifest,
    require_saved,
)
from cifarcnn.runs.safe_io import RESTORE_HINT, read_bytes, write_file

Array = np.ndarray[Any, Any]
ArraySpec = tuple[tuple[int, ...], str]  # shape and the name of the element type


@dataclass(frozen=True)
class StoredWeights:
    """What a weights file held.

    Attributes:
        arrays: By name, in the order of the network.
        epoch: How many epochs they were trained, 0 for the start values.
        sha256: Of the file.
    """

    arrays: Mapping[str, Array]
    epoch: int
    sha256: str


def save_weights(
    folder: Path,
    kind: WeightsKind,
    arrays: Mapping[str, Array],
    *,
    epoch: int,
    origin: Origin,
) -> None:
    """Write one weights file and its entry in the manifest.

    While the file is replaced the manifest lists the new and the old state, so that
    after a kill at any moment the file there is one of those listed.

    Args:
        folder: The folder of the run.
        kind: ``selected`` for weights.safetensors, ``last`` for last.safetensors.
        arrays: All variables of the network by name, in its order.
        epoch: How many epochs have been trained.
        origin: Classes, data and versions; the same for all files of a run.

    Raises:
        RunError: A value is not finite, the manifest is damaged, or the disk is full.
            What was saved before is unharmed.
    """
    name = WEIGHTS_FILES[kind]
    data = pack_arrays(folder / name, arrays)
    record = WeightsRecord(
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        epoch=epoch,
        arrays={
            key: ArrayRecord(shape=shape, dtype=dtype)
            for key, (shape, dtype) in describe_arrays(arrays).items()
        },
    )
    path = folder / MANIFEST
    before = read_manifest(folder) if path.exists() else None
    manifest = Manifest(
        format=FORMAT,
        config_sha256=hash_config(folder),
        origin=origin,
        weights=before.weights if before else {},
        # Its own entry tells which weights it was made from.
        litert=before.litert if before else None,
    )
    old = manifest.weights.get(name, ())
    write_file(path, manifest.with_weights(name, record, *old).to_json())
    write_file(folder / name, data)
    if old:
        write_file(path, manifest.with_weights(name, record).to_json())


def load_weights(
    folder: Path, kind: WeightsKind, expected: Mapping[str, ArraySpec]
) -> StoredWeights:
    """The content of a weights file, after everything about it was checked.

    Args:
        folder: The folder of the run.
        kind: ``selected`` for weights.safetensors, ``last`` for last.safetensors.
        expected: Shape and element type of every variable of the network that the
            config describes, by name and in its order.

    Raises:
        RunError: The file is missing, is not the one that was written, does not hold
            exactly what is expected, or holds a value that is not finite.
    """
    manifest = read_manifest(folder)
    check_config(folder, manifest)
    path = require_saved(folder, WEIGHTS_FILES[kind])
    data = read_bytes(path, _size_limit(expected))
    digest = hashlib.sha256(data).hexdigest()
    records = manifest.weights.get(path.name, ())
    record = next((record for record in records if record.sha256 == digest), None)
    if record is None:
        raise RunError(
            f"{path} is not the file that was written: its SHA-256 begins with "
            f"{digest[:12]}, which {MANIFEST} does not list for it. It was damaged or "
            f"replaced, and is not loaded. {RESTORE_HINT}"
        )
    listed = {
        key: (array.shape, _widened(array.dtype, expected.get(key)))
        for key, array in record.arrays.items()
    }
    difference = first_difference(listed, expected)
    if difference:
        raise RunError(
            f"{folder / MANIFEST} does not fit the network of config.yaml: "
            f"{difference}. {RESTORE_HINT}"
        )
    try:
        arrays = {
            name: array.astype(
                _widened(array.dtype.name, expected.get(name)), copy=False
            )
            for name, array in load(data).items()
        }
    # KeyError: an element type that NumPy does not have.
    except (SafetensorError, KeyError, ValueError) as error:
        raise RunError(
            f"{path} is damaged: it is not a safetensors file of arrays that NumPy "
            f"knows. {RESTORE_HINT}"
        ) from error
    difference = first_difference(describe_arrays(arrays), expected)
    if difference:
        raise RunError(f"{path} does not fit the network of config.yaml: {difference}.")
    check_finite(path, arrays)
    in_order = {name: arrays[name] for name in expected}
    return StoredWeights(in_order, record.epoch, record.sha256)


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
    name = first_non_finite(arrays)
    if name:
        raise DivergedError(
            f"{path} is not written: the array {name!r} holds values that are not "
            "finite. The training has diverged; try a smaller learning rate."
        )
    # safetensors reads the memory behind an array as if it lay in C order.
    data: bytes = save(
        {name: np.asarray(value, order="C") for name, value in arrays.items()},
        dict(metadata) if metadata else None,
    )
    return data


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


def _widened(dtype: str, wanted: ArraySpec | None) -> str:
    """The element type in memory: float32 may be stored as float16."""
    if dtype == "float16" and wanted is not None and wanted[1] == "float32":
        return "float32"
    return dtype


def _size_limit(expected: Mapping[str, ArraySpec]) -> int:
    """The most bytes that a file of these arrays can have, its header included."""
    return 1024 + sum(
        math.prod(shape) * np.dtype(dtype).itemsize
        + (200 + 20 * len(shape) + 12 * len(name))
        for name, (shape, dtype) in expected.items()
    )


def first_non_finite(arrays: Mapping[str, Array]) -> str | None:
    """The first array that holds infinity or NaN; None when all values are finite."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return name
    return None
