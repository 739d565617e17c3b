"""``manifest.json``: what the weights of a run are, and what they were trained on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cifarcnn.errors import RunError
from cifarcnn.literals import Resize, Views
from cifarcnn.runs.safe_io import (
    RESTORE_HINT,
    read_bytes,
    read_json,
    require_folder,
    write_file,
)

MANIFEST = "manifest.json"
CONFIG = "config.yaml"
CONFIG_LIMIT = 1024 * 1024
FORMAT: Final = 2
# The same without a checksum, or with one that was not yet required.
_FORMAT_BEFORE: Final = 1
# The key in the manifest of the SHA-256 of all else in it.
CHECKSUM = "sha256"
# A network of a thousand layers needs about half of this.
_SIZE_LIMIT = 4 * 1024 * 1024

# What a user asks for; the best is there unless ``training.weights`` is ``last``.
WeightsChoice = Literal["best", "last"]
# Of the epoch that the run settled on (``training.weights``), and of its last one.
WeightsKind = Literal["selected", "last"]
WEIGHTS_FILES: Mapping[WeightsKind, str] = {
    "selected": "weights.safetensors",
    "last": "last.safetensors",
}

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
Length = Annotated[int, Field(ge=0, le=2**31)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ArrayRecord(_Part):
    """Shape and element type of one array."""

    shape: Annotated[tuple[Length, ...], Field(max_length=16)]
    dtype: Annotated[str, Field(pattern=r"^[a-z]+[0-9]*$", max_length=20)]


class WeightsRecord(_Part):
    """One state of a weights file.

    Attributes:
        sha256: Of the whole file.
        bytes: Its size.
        epoch: How many epochs had been trained, 0 for the start values.
        arrays: Every array by its name, in the order of the network.
    """

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]
    epoch: Annotated[int, Field(ge=0)]
    arrays: dict[Text, ArrayRecord]


class LitertRecord(_Part):
    """The file for fast prediction, ``model.tflite``.

    Attributes:
        sha256: Of the whole file.
        bytes: Its size.
        weights_sha256: Of the weights file that it was made from.
        views: How many views of an image an answer rests on, as the config has it.
        resize: What is done with images of other proportions, as the config has it.
        seal: The signature of the user who wrote it; null when there is none.
    """

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]
    weights_sha256: Sha256
    views: Views = "none"
    resize: Resize = "crop"
    seal: Sha256 | None = None


class DataRecord(_Part):
    """The data set that the weights were trained on.

    Attributes:
        name: Such as ``cifar10``.
        checksum: SHA-256 over the content of both splits.
        official: Whether it was the official data to the byte.
        notice: What every result has to say about it; null when nothing.
    """

    name: Text
    checksum: Text
    official: bool
    notice: Text | None


class Origin(_Part):
    """Where weights come from; the same for all files of one run.

    Attributes:
        class_names: In the order of the network's outputs.
        data: The data set.
        versions: Of this program and of what it stands on, by name.
    """

    class_names: Annotated[tuple[Text, ...], Field(min_length=2, max_length=10_000)]
    data: DataRecord
    versions: dict[Text, Text]


class Manifest(_Part):
    """The content of ``manifest.json``.

    Attributes:
        format: The version of this layout, as it was read.
        config_sha256: Of the bytes of ``config.yaml``.
        next_config_sha256: Of those that are just being put in their place, when a
            training goes on with other settings; else null.
        origin: Where the weights come from.
        weights: For each weights file the states that it may be in, newest first.
            There is one, except while the file is being replaced: then the new and
            the old one are both listed, so that a kill at any moment leaves a file
            that can be told for what it is.
        litert: The file for fast prediction; null when none was written.
    """

    format: Literal[1, 2]
    config_sha256: Sha256
    next_config_sha256: Sha256 | None = None
    origin: Origin
    weights: dict[Text, Annotated[tuple[WeightsRecord, ...], Field(min_length=1)]]
    litert: LitertRecord | None = None

    def with_weights(self, name: str, *records: WeightsRecord) -> Manifest:
        """The same manifest in which the file ``name`` is in one of ``records``."""
        return self.model_copy(update={"weights": {**self.weights, name: records}})

    def to_json(self) -> bytes:
        """The file with its checksum, in UTF-8, a line per entry down to the arrays."""
        content = self.model_dump(mode="json") | {"format": FORMAT}
        content[CHECKSUM] = _hash_content(content)
        return (json.dumps(content, indent=1) + "\n").encode()


def weights_kind(
    choice: WeightsChoice | None, kept: WeightsChoice = "best"
) -> WeightsKind:
    """The kind of the weights that a user asked for; None takes the selected ones.

    Those are the last ones as well where the run ``kept`` the last ones.
    """
    return "last" if choice == "last" and kept != "last" else "selected"


def read_manifest(folder: Path) -> Manifest:
    """The checked content of the ``manifest.json`` of a run.

    Raises:
        RunError: No weights were saved yet, or the file is damaged, was edited, or is
            of another version of the program.
    """
    path = require_saved(folder, MANIFEST)
    content = read_json(path, _SIZE_LIMIT)
    version = content.get("format")
    # Anything but a checksum that fits, also none, is damage.
    due = version == FORMAT or CHECKSUM in content
    if due and content.pop(CHECKSUM, None) != _hash_content(content):
        raise RunError(
            f"{path} is not the file that was written: its content does not have the "
            "SHA-256 that stands in it. It was damaged or edited, and is not used. "
            f"{RESTORE_HINT}"
        )
    if version not in (_FORMAT_BEFORE, FORMAT) or isinstance(version, bool):
        text = json.dumps(version)
        raise RunError(
            f"{path} has the format {text if len(text) <= 40 else f'{text[:37]}...'}, "
            f"but this version of cifarcnn reads format {FORMAT}. Load the run with "
            "the version that wrote it."
        )
    try:
        # Through JSON, because strict Python mode refuses lists for tuples.
        return Manifest.model_validate_json(json.dumps(content))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise RunError(
            f"{path} is damaged: `{place}` is missing, unknown or not what belongs "
            f"there. {RESTORE_HINT}"
        ) from error


def _hash_content(content: Mapping[str, object]) -> str:
    """SHA-256 of what a manifest says, however it is laid out."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def require_saved(folder: Path, name: str) -> Path:
    """The path of a file that comes with the first weights.

    Raises:
        RunError: It is missing.
    """
    path = folder / name
    if not path.exists() and not path.is_symlink():
        raise RunError(
            f"{folder} has no trained weights to load: {name} is missing. Either the "
            "training stopped before it saved any, or the file was removed. Train "
            "again, or name another run with --run DIR."
        )
    return path


def check_config(folder: Path, manifest: Manifest) -> None:
    """See that the config is the one that the weights were trained with.

    Raises:
        RunError: It was changed since.
    """
    known = (manifest.config_sha256, manifest.next_config_sha256)
    if hash_config(folder) not in known:
        raise RunError(
            f"{folder / CONFIG} is not the config that the weights were trained with: "
            f"its SHA-256 differs from the one in {MANIFEST}. Undo the change, or "
            "train again with the new config."
        )


def hash_config(folder: Path) -> str:
    """SHA-256 of the bytes of ``config.yaml``.

    Raises:
        RunError: It cannot be read, or the folder is not there any more.
    """
    try:
        content = read_bytes(folder / CONFIG, CONFIG_LIMIT)
    except RunError:
        require_folder(folder)
        raise
    return hashlib.sha256(content).hexdigest()


def write_config(folder: Path, config: bytes) -> None:
    """Write ``config.yaml``, also in the place of the one of before.

    Killed at any moment it leaves a config that the manifest knows.

    Raises:
        RunError: The manifest is damaged, or a file cannot be written.
    """
    path = folder / MANIFEST
    if not path.exists():
        write_file(folder / CONFIG, config)
        return
    manifest = read_manifest(folder)
    digest = hashlib.sha256(config).hexdigest()
    between = manifest.model_copy(update={"next_config_sha256": digest})
    write_file(path, between.to_json())
    write_file(folder / CONFIG, config)
    after: dict[str, object] = {"config_sha256": digest, "next_config_sha256": None}
    if digest != manifest.config_sha256:
        # Its signature is for the other one; the end of the training makes it anew.
        after["litert"] = None
    write_file(path, manifest.model_copy(update=after).to_json())
