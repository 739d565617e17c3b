"""``model.tflite`` together with its entry in the manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.errors import RunError
from cifarcnn.runs.manifest import (
    MANIFEST,
    WEIGHTS_FILES,
    LitertRecord,
    Manifest,
    WeightsKind,
    check_config,
    read_manifest,
)
from cifarcnn.runs.safe_io import read_bytes, write_file
from cifarcnn.runs.shipped_runs import is_shipped
from cifarcnn.runs.signature import is_signed, sign

if TYPE_CHECKING:
    from cifarcnn.literals import Resize, Views

LITERT = "model.tflite"
_SIZE_LIMIT = 2**30


def save_litert(
    folder: Path, content: bytes, views: Views = "none", resize: Resize = "crop"
) -> None:
    """Write ``model.tflite``, made from the selected weights.

    Killed between the file and its entry, it leaves a file that is not used.

    Args:
        folder: The folder of the run.
        content: Of the file.
        views: What an answer rests on (``evaluation.test_time_augmentation``).
        resize: What is done with images of other proportions (``data.resize``).

    Raises:
        RunError: No weights were saved yet, the manifest is damaged, or the disk is
            full.
    """
    manifest = read_manifest(folder)
    name = WEIGHTS_FILES["selected"]
    if name not in manifest.weights:
        raise RunError(f"{folder} has no {name} that {LITERT} could belong to.")
    record = LitertRecord(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        weights_sha256=manifest.weights[name][0].sha256,
        views=views,
        resize=resize,
    )
    record = record.model_copy(update={"seal": sign(*_signed_texts(manifest, record))})
    write_file(folder / LITERT, content)
    after = manifest.model_copy(update={"litert": record})
    write_file(folder / MANIFEST, after.to_json())


def load_litert(folder: Path, manifest: Manifest, kind: WeightsKind) -> bytes:
    """The content of ``model.tflite``, when it is what it should be.

    Args:
        folder: The folder of the run.
        manifest: Of the run.
        kind: The weights that it must have been made from.

    Raises:
        RunError: The file is missing, was neither written by this user on this
            machine nor shipped, is not the one that was written, was made from other
            weights, or belongs to another config.
    """
    path = folder / LITERT
    if not path.exists() and not path.is_symlink():
        raise RunError(f"{path} is missing.")
    record = manifest.litert
    if record is None:
        raise RunError(f"{path} is not listed in manifest.json.")
    name = WEIGHTS_FILES[kind]
    states = {state.sha256 for state in manifest.weights.get(name, ())}
    if record.weights_sha256 not in states:
        raise RunError(f"{path} was not made from the weights in {name}.")
    check_config(folder, manifest)
    # What belongs to the package is trusted as its code is.
    trusted = is_shipped(folder)
    if not trusted and not is_signed(record.seal, *_signed_texts(manifest, record)):
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


def _signed_texts(manifest: Manifest, record: LitertRecord) -> tuple[str, ...]:
    """What the signature is for: the file, and all that its answers rest on."""
    return (
        LITERT,
        record.sha256,
        record.weights_sha256,
        manifest.config_sha256,
        record.views,
        # What was signed before there was a choice stays signed.
        *([] if record.resize == "crop" else [record.resize]),
    )
