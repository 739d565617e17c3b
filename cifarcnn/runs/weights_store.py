"""A weights file together with its entry in the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.errors import RunError
from cifarcnn.runs.manifest import (
    FORMAT,
    Manifest,
    Origin,
    WeightsRecord,
    read_manifest,
    record_arrays,
)
from cifarcnn.runs.safe_read import RESTORE_HINT, read_bytes
from cifarcnn.runs.weights import (
    ArraySpec,
    describe_arrays,
    first_difference,
    pack_arrays,
    size_limit,
    unpack_arrays,
)

if TYPE_CHECKING:
    from cifarcnn.runs.weights import Array

CONFIG = "config.yaml"
MANIFEST = "manifest.json"
CONFIG_LIMIT = 1024 * 1024


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
    name: str,
    arrays: Mapping[str, Array],
    epoch: int,
    origin: Origin,
    write: Callable[[str, bytes], object],
) -> None:
    """Write one weights file and its entry in the manifest.

    While the file is replaced the manifest lists the new and the old state, so that
    after a kill at any moment the file there is one of those listed.

    Args:
        folder: The folder of the run.
        name: Of the weights file.
        arrays: All variables of the network by name, in its order.
        epoch: How many epochs have been trained.
        origin: Classes, data and versions; the same for all files of a run.
        write: Writes a file of the run, whole or not at all.

    Raises:
        RunError: A value is not finite, the manifest is damaged, or ``write`` fails.
            What was saved before is unharmed.
    """
    data = pack_arrays(folder / name, arrays)
    record = WeightsRecord(
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        epoch=epoch,
        arrays=record_arrays(describe_arrays(arrays)),
    )
    path = folder / MANIFEST
    before = read_manifest(path) if path.exists() else None
    manifest = Manifest(
        format=FORMAT,
        config_sha256=_config_sha256(folder),
        origin=origin,
        weights=before.weights if before else {},
        # Its own entry tells which weights it was made from.
        litert=before.litert if before else None,
    )
    old = manifest.weights.get(name, ())
    write(MANIFEST, manifest.with_weights(name, record, *old).to_json())
    write(name, data)
    if old:
        write(MANIFEST, manifest.with_weights(name, record).to_json())


def load_weights(
    folder: Path, name: str, expected: Mapping[str, ArraySpec]
) -> StoredWeights:
    """The content of a weights file, after everything about it was checked.

    Args:
        folder: The folder of the run.
        name: Of the weights file.
        expected: Shape and element type of every variable of the network that the
            config describes, by name and in its order.

    Raises:
        RunError: The file is missing, is not the one that was written, does not hold
            exactly what is expected, or holds a value that is not finite.
    """
    manifest = load_manifest(folder)
    check_config(folder, manifest)
    path = _existing(folder, name)
    data = read_bytes(path, size_limit(expected))
    record = _find_record(path, data, manifest.weights.get(name, ()))
    listed = {key: (array.shape, array.dtype) for key, array in record.arrays.items()}
    difference = first_difference(listed, expected)
    if difference:
        raise RunError(
            f"{folder / MANIFEST} does not fit the network of {CONFIG}: {difference}. "
            f"{RESTORE_HINT}"
        )
    return StoredWeights(
        unpack_arrays(path, data, expected), record.epoch, record.sha256
    )


def load_manifest(folder: Path) -> Manifest:
    """What the weights are and what they were trained on.

    Raises:
        RunError: No weights were saved yet, or the file is damaged.
    """
    return read_manifest(_existing(folder, MANIFEST))


def replace_config(
    folder: Path, config: bytes, write: Callable[[str, bytes], object]
) -> None:
    """Put another config in the place of the one that the weights were trained with.

    Killed at any moment it leaves a config that the manifest knows.

    Args:
        folder: The folder of the run.
        config: The new content of ``config.yaml``.
        write: Writes a file of the run, whole or not at all.

    Raises:
        RunError: The manifest is damaged, or ``write`` fails.
    """
    path = folder / MANIFEST
    if not path.exists():
        write(CONFIG, config)
        return
    manifest = read_manifest(path)
    digest = hashlib.sha256(config).hexdigest()
    between = manifest.model_copy(update={"next_config_sha256": digest})
    write(MANIFEST, between.to_json())
    write(CONFIG, config)
    after: dict[str, object] = {"config_sha256": digest, "next_config_sha256": None}
    if digest != manifest.config_sha256:
        # Its seal is upon the other one; the end of the training makes it anew.
        after["litert"] = None
    write(MANIFEST, manifest.model_copy(update=after).to_json())


def check_config(folder: Path, manifest: Manifest) -> None:
    """See that the config is the one that the weights were trained with.

    Raises:
        RunError: It was changed since.
    """
    known = (manifest.config_sha256, manifest.next_config_sha256)
    if _config_sha256(folder) not in known:
        raise RunError(
            f"{folder / CONFIG} is not the config that the weights were trained with: "
            f"its SHA-256 differs from the one in {MANIFEST}. Undo the change, or "
            "train again with the new config."
        )


def _existing(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists() and not path.is_symlink():
        raise RunError(
            f"{folder} has no trained weights to load: {name} is missing. Either the "
            "training stopped before it saved any, or the file was removed. Train "
            "again, or name another run with --run DIR."
        )
    return path


def _find_record(
    path: Path, data: bytes, records: tuple[WeightsRecord, ...]
) -> WeightsRecord:
    digest = hashlib.sha256(data).hexdigest()
    for record in records:
        if record.sha256 == digest:
            return record
    raise RunError(
        f"{path} is not the file that was written: its SHA-256 begins with "
        f"{digest[:12]}, which {MANIFEST} does not list for it. It was damaged or "
        f"replaced, and is not loaded. {RESTORE_HINT}"
    )


def _config_sha256(folder: Path) -> str:
    return hashlib.sha256(read_bytes(folder / CONFIG, CONFIG_LIMIT)).hexdigest()
