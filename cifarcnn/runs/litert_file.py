"""``model.tflite`` together with its entry in the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.errors import RunError
from cifarcnn.runs.manifest import LitertRecord, Manifest
from cifarcnn.runs.safe_read import read_bytes
from cifarcnn.runs.signature import has_seal, set_seal
from cifarcnn.runs.weights import WEIGHTS_FILES, WeightsChoice
from cifarcnn.runs.weights_store import MANIFEST, check_config, load_manifest

if TYPE_CHECKING:
    from cifarcnn.literals import Views

LITERT = "model.tflite"
_SIZE_LIMIT = 2**30


def save_litert(
    folder: Path,
    content: bytes,
    views: Views,
    write: Callable[[str, bytes], object],
) -> None:
    """Write ``model.tflite``, made from the weights that the run settled on.

    Killed between the file and its entry, it leaves a file that is not used.

    Args:
        folder: The folder of the run.
        content: Of the file.
        views: What an answer rests on.
        write: Writes a file of the run, whole or not at all.

    Raises:
        RunError: No weights were saved yet, the manifest is damaged, or ``write``
            fails.
    """
    manifest = load_manifest(folder)
    name = WEIGHTS_FILES["best"]
    if name not in manifest.weights:
        raise RunError(f"{folder} has no {name} that {LITERT} could belong to.")
    record = LitertRecord(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        weights_sha256=manifest.weights[name][0].sha256,
        views=views,
    )
    record = record.model_copy(update={"seal": set_seal(*_sealed(manifest, record))})
    write(LITERT, content)
    write(MANIFEST, manifest.model_copy(update={"litert": record}).to_json())


def load_litert(
    folder: Path, manifest: Manifest, choice: WeightsChoice | None
) -> bytes:
    """The content of ``model.tflite``, when it is what it should be.

    Args:
        folder: The folder of the run.
        manifest: Of the run.
        choice: The weights that it must have been made from; None takes those that
            the run settled on.

    Raises:
        RunError: The file is missing, was not written by this user on this machine,
            is not the one that was written, was made from other weights, or belongs to
            another config.
    """
    path = folder / LITERT
    if not path.exists() and not path.is_symlink():
        raise RunError(f"{path} is missing.")
    record = manifest.litert
    if record is None:
        raise RunError(f"{path} is not listed in manifest.json.")
    name = WEIGHTS_FILES[choice or "best"]
    states = {state.sha256 for state in manifest.weights.get(name, ())}
    if record.weights_sha256 not in states:
        raise RunError(f"{path} was not made from the weights in {name}.")
    check_config(folder, manifest)
    if not has_seal(record.seal, *_sealed(manifest, record)):
        raise RunError(
            f"{path} was not written on this machine by you, and is not run, because "
            "such a file can do harm."
        )
    content = read_bytes(path, min(record.bytes, _SIZE_LIMIT))
    digest = hashlib.sha256(content).hexdigest()
    if digest != record.sha256:
        raise RunError(
            f"{path} is not the file that was written: its SHA-256 begins with "
            f"{digest[:12]}, but manifest.json lists {record.sha256[:12]}."
        )
    return content


def _sealed(manifest: Manifest, record: LitertRecord) -> tuple[str, ...]:
    """What the seal is set upon: the file, and all that its answers rest on."""
    return (
        LITERT,
        record.sha256,
        record.weights_sha256,
        manifest.config_sha256,
        record.views,
    )
