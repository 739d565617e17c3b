"""The folder of one run, and its files by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.errors import RunError
from cifarcnn.files import write_atomically
from cifarcnn.runs.checkpoints import (
    Checkpoint,
    CheckpointState,
    find_checkpoint,
    save_checkpoint,
)
from cifarcnn.runs.file_lock import hold
from cifarcnn.runs.history import EpochRecord, read_rows, to_table
from cifarcnn.runs.litert_file import LITERT, load_litert, save_litert
from cifarcnn.runs.manifest import Manifest, Origin
from cifarcnn.runs.run_path import find, make_named, make_next
from cifarcnn.runs.safe_read import read_bytes, read_json, reason, reason_of_write
from cifarcnn.runs.weights import WEIGHTS_FILES, ArraySpec, WeightsChoice
from cifarcnn.runs.weights_store import (
    CONFIG,
    CONFIG_LIMIT,
    StoredWeights,
    load_manifest,
    load_weights,
    replace_config,
    save_weights,
)

if TYPE_CHECKING:
    from cifarcnn.config import Config
    from cifarcnn.literals import Views
    from cifarcnn.runs.weights import Array

ENVIRONMENT = "environment.json"
HISTORY = "history.csv"
LOG = "log.txt"
METRICS = "metrics.json"

_JSON_LIMIT = 4 * 1024 * 1024


class Run:
    """The folder of one run.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, root: Path, name: str) -> Run:
        """A new run ``root/<name>-<number>``, which ``root/latest`` then names.

        Raises:
            RunError: The folder cannot be made.
        """
        return cls(make_next(root, name))

    @classmethod
    def at(cls, path: Path) -> Run:
        """A new run in a folder of the user's choice.

        Raises:
            RunError: The folder holds something, or cannot be made.
        """
        return cls(make_named(path))

    @classmethod
    def open(cls, path: Path | None = None) -> Run:
        """The run in an existing folder; None takes the newest under ``./runs``.

        Raises:
            RunError: There is none, or the path is something else than a run.
        """
        return cls(find(path, CONFIG))

    @property
    def config_path(self) -> Path:
        """The resolved config, every default written out."""
        return self.path / CONFIG

    @property
    def log_path(self) -> Path:
        """What was said while training, TensorFlow's own lines included."""
        return self.path / LOG

    @property
    def litert_path(self) -> Path:
        """The network for fast prediction."""
        return self.path / LITERT

    @property
    def finished(self) -> bool:
        """Whether the training came to its end, which ``metrics.json`` stands for."""
        return (self.path / METRICS).is_file()

    @property
    def has_weights(self) -> bool:
        """Whether any trained weights were saved."""
        return any((self.path / name).exists() for name in WEIGHTS_FILES.values())

    @property
    def has_environment(self) -> bool:
        """Whether it was written down where and with what the run is trained."""
        return (self.path / ENVIRONMENT).exists()

    @cached_property
    def config(self) -> Config:
        """The config of the run, checked like any other.

        Raises:
            RunError: The file is missing, a link, or too large, or it extends another.
            ConfigError: The file is not a valid config.
        """
        # Only here: a fast prediction needs no config, and its schema takes longer to
        # load than all the rest.
        from cifarcnn.config import load_config
        from cifarcnn.config.yaml_text import decode, parse

        path = self.config_path
        text = decode(read_bytes(path, CONFIG_LIMIT), str(path))
        root = parse(text, str(path)).value
        if isinstance(root, dict) and "extends" in root:
            raise RunError(
                f"{path} extends another file, but the config of a run stands for "
                "itself: cifarcnn writes it with every value in it. It is not loaded."
            )
        return load_config(path)

    def write(self, name: str, data: bytes) -> Path:
        """Write one file of the run, whole or not at all.

        Raises:
            RunError: The disk is full, or the folder is gone or read-only.
        """
        path = self.path / name
        try:
            write_atomically(path, data)
        except OSError as error:
            raise RunError(
                f"{path} cannot be written: {reason_of_write(error, path, len(data))}. "
                "What stood there before is unharmed."
            ) from error
        return path

    def held(self) -> AbstractContextManager[None]:
        """Keep other processes from training in this folder, until the context ends.

        Raises:
            RunError: Another one does, or the folder cannot be written.
        """
        return hold(self.path)

    def write_config(self, config: Config) -> None:
        """Keep the resolved config, also in the place of an earlier one."""
        replace_config(self.path, config.to_yaml().encode(), self.write)

    def write_environment(self, environment: Mapping[str, object]) -> None:
        """Keep where and with what the run is trained, as JSON."""
        self.write(ENVIRONMENT, _to_json(environment))

    def read_environment(self) -> dict[str, object]:
        """Where and with what the run was trained.

        Raises:
            RunError: The file is missing or damaged.
        """
        return read_json(self.path / ENVIRONMENT, _JSON_LIMIT)

    def write_metrics(self, metrics: Mapping[str, object]) -> None:
        """Keep the final figures; written last, because it marks the run finished."""
        self.write(METRICS, _to_json(metrics))

    def reopen(self) -> None:
        """Take the mark of a finished run away, since its training goes on.

        Raises:
            RunError: The folder is read-only.
        """
        try:
            (self.path / METRICS).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(
                f"{self.path / METRICS} cannot be removed: {reason(error)}."
            ) from error

    def read_metrics(self) -> dict[str, object]:
        """The final figures of a finished run.

        Raises:
            RunError: The file is missing or damaged.
        """
        return read_json(self.path / METRICS, _JSON_LIMIT)

    def write_history(self, records: Sequence[EpochRecord]) -> None:
        """Keep the figures of every finished epoch."""
        self.write(HISTORY, to_table(records))

    def read_history(self) -> list[dict[str, str]]:
        """The figures of each epoch, as text by column.

        Raises:
            RunError: The file is missing or damaged.
        """
        return read_rows(self.path / HISTORY)

    def save_weights(
        self,
        choice: WeightsChoice,
        arrays: Mapping[str, Array],
        *,
        epoch: int,
        origin: Origin,
    ) -> None:
        """Write one weights file and its entry in the manifest.

        Args:
            choice: ``best`` for weights.safetensors, ``last`` for last.safetensors.
            arrays: All variables of the network by name, in its order.
            epoch: How many epochs have been trained.
            origin: Classes, data and versions; the same for all files of a run.

        Raises:
            RunError: A value is not finite, or the disk is full. What was saved
                before is unharmed.
        """
        name = WEIGHTS_FILES[choice]
        save_weights(self.path, name, arrays, epoch, origin, self.write)

    def load_weights(
        self, choice: WeightsChoice, expected: Mapping[str, ArraySpec]
    ) -> StoredWeights:
        """The arrays of a weights file, after everything about them was checked.

        Args:
            choice: ``best`` for weights.safetensors, ``last`` for last.safetensors.
            expected: Shape and element type of every variable of the network that
                the config describes, by name and in its order.

        Raises:
            RunError: The file is missing, is not the one that was written, does not
                hold exactly what is expected, or holds a value that is not finite.
        """
        return load_weights(self.path, WEIGHTS_FILES[choice], expected)

    def save_checkpoint(
        self, state: CheckpointState, arrays: Mapping[str, Array]
    ) -> None:
        """Write all that the training needs to go on; the two newest are kept.

        Raises:
            RunError: A value is not finite, or the file cannot be written.
        """
        save_checkpoint(self.path, state, arrays)

    def find_checkpoint(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest checkpoint that is not damaged, and a sentence on each that is.

        Raises:
            RunError: There are checkpoints, but all are damaged.
        """
        return find_checkpoint(self.path)

    def save_litert(self, content: bytes, views: Views = "none") -> None:
        """Write ``model.tflite``, made from the weights that the run settled on.

        Args:
            content: Of the file.
            views: What an answer rests on (``evaluation.test_time_augmentation``).

        Raises:
            RunError: No weights were saved yet, or the disk is full.
        """
        save_litert(self.path, content, views, self.write)

    def load_litert(self, manifest: Manifest, choice: WeightsChoice | None) -> bytes:
        """The content of ``model.tflite``, after its origin was checked.

        Args:
            manifest: Of this run.
            choice: The weights that it must have been made from; None takes those
                that the run settled on.

        Raises:
            RunError: It is missing, damaged, or made from something else.
        """
        return load_litert(self.path, manifest, choice)

    def manifest(self) -> Manifest:
        """What the weights are and what they were trained on.

        Raises:
            RunError: No weights were saved yet, or the file is damaged.
        """
        return load_manifest(self.path)


def _to_json(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()
