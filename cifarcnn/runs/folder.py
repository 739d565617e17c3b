"""The folder of one run, and the documents in it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.errors import ConfigError, RunError
from cifarcnn.runs.history import EpochRecord, read_rows, to_table
from cifarcnn.runs.manifest import (
    CONFIG,
    CONFIG_LIMIT,
    MANIFEST,
    WEIGHTS_FILES,
    check_config,
    read_manifest,
    write_config,
)
from cifarcnn.runs.run_path import find_run, make_folder, make_numbered_folder
from cifarcnn.runs.safe_io import (
    RESTORE_HINT,
    read_bytes,
    read_json,
    remove_file,
    write_file,
)
from cifarcnn.runs.shipped_runs import is_shipped

if TYPE_CHECKING:
    from cifarcnn.config import Config

ENVIRONMENT = "environment.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
LOG = "log.txt"
TEMPERATURE = "temperature.json"
REPORT = "report.html"
CHECKPOINTS = "checkpoint"
# How a training diverged, in ``environment.json``.
DIVERGED = "diverged"
_JSON_LIMIT = 4 * 1024 * 1024


class Run:
    """The folder of one run.

    Its weights, checkpoints and LiteRT file are read and written by the modules of
    these names, which take ``path``.

    Attributes:
        path: The folder.
        config_path: The resolved config, every default written out.
        log_path: What was said while training, TensorFlow's own lines included.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_path = path / CONFIG
        self.log_path = path / LOG

    @classmethod
    def create(cls, root: Path, name: str) -> Run:
        """A new run ``root/<name>-<number>``, which ``root/latest`` then names.

        Raises:
            RunError: The folder cannot be made.
        """
        return cls(make_numbered_folder(root, name))

    @classmethod
    def at(cls, path: Path) -> Run:
        """A new run in a folder of the user's choice.

        Raises:
            RunError: The folder holds something, or cannot be made.
        """
        return cls(make_folder(path))

    @classmethod
    def open(cls, path: str | Path | None = None) -> Run:
        """The run in an existing folder; None takes the newest under ``./runs``.

        Raises:
            RunError: There is none, or the path is something else than a run.
        """
        return cls(find_run(path))

    @classmethod
    def open_finished(cls, path: str | Path) -> Run:
        """The run in a folder, whose training came to its end.

        Raises:
            RunError: There is none, it is something else, or it is unfinished.
        """
        run = cls.open(path)
        run.require_finished()
        return run

    def require_finished(self) -> None:
        """See that the training came to its end.

        Raises:
            RunError: It did not, or not yet.
        """
        if not self.finished:
            way_on = f"cifarcnn train --resume {shlex.quote(str(self.path))}"
            raise RunError(
                f"{self.path} is unfinished: its training was stopped or is still "
                f"going on. Finish it with: {way_on}"
            )

    @property
    def title(self) -> str:
        """What it is called before people: its path, of a shipped one its name."""
        return self.path.resolve().name if is_shipped(self.path) else str(self.path)

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

    @property
    def can_go_on(self) -> bool:
        """Whether its training can be resumed, or is finished.

        Not if it was killed before its first step, or has weights but no checkpoint.
        """
        if not self.has_environment:
            return False
        checkpoints = (self.path / CHECKPOINTS).glob("epoch-*.safetensors")
        return self.finished or not self.has_weights or any(checkpoints)

    @cached_property
    def config(self) -> Config:
        """The config of the run, checked like any other.

        Raises:
            RunError: The file is missing, empty, a link, or too large, it extends
                another, or is not valid any more since it was changed.
            ConfigError: The file is not a valid config, and never was.
        """
        return _read_config(self.config_path)

    def write_config(self, config: Config) -> None:
        """Keep the resolved config, also in the place of an earlier one."""
        write_config(self.path, config.to_yaml().encode())

    def write_environment(self, environment: Mapping[str, object]) -> None:
        """Keep where and with what the run is trained, as JSON."""
        _write_json(self.path / ENVIRONMENT, environment)

    def read_environment(self) -> dict[str, object]:
        """Where and with what the run was trained.

        Raises:
            RunError: The file is missing or damaged.
        """
        return read_json(self.path / ENVIRONMENT, _JSON_LIMIT)

    def write_metrics(self, metrics: Mapping[str, object]) -> None:
        """Keep the final figures; written last, because it marks the run finished."""
        _write_json(self.path / METRICS, metrics)

    def read_metrics(self) -> dict[str, object]:
        """The final figures of a finished run.

        Raises:
            RunError: The file is missing or damaged.
        """
        return read_json(self.path / METRICS, _JSON_LIMIT)

    def is_smoke(self) -> bool:
        """Whether it is only a trial on few pictures.

        Raises:
            RunError: The file that says so is missing or damaged.
        """
        path = self.path / (METRICS if self.finished else ENVIRONMENT)
        found = read_json(path, _JSON_LIMIT).get("smoke")
        if not isinstance(found, bool):
            raise RunError(
                f"{path} is damaged: `smoke` is missing or neither true nor false. "
                f"{RESTORE_HINT}"
            )
        return found

    def reopen(self) -> None:
        """Take the mark of a finished run away, since its training goes on.

        Raises:
            RunError: The folder is read-only.
        """
        remove_file(self.path / METRICS)

    def write_history(self, records: Sequence[EpochRecord]) -> None:
        """Keep the figures of every finished epoch."""
        write_file(self.path / HISTORY, to_table(records))

    def read_history(self) -> list[dict[str, str]]:
        """The figures of each epoch, as text by column.

        Raises:
            RunError: The file is missing or damaged.
        """
        return read_rows(self.path / HISTORY)


def _read_config(path: Path) -> Config:
    # Only here: a fast prediction needs no config, and its schema takes longer to
    # load than all the rest.
    from cifarcnn.config.loading import load_resolved_config

    content = read_bytes(path, CONFIG_LIMIT)
    # A file that lost its content with the power may be as long as it was.
    if not content.strip(b"\0 \t\r\n"):
        raise RunError(f"{path} is damaged: it is empty. {RESTORE_HINT}")
    try:
        config = load_resolved_config(str(path), content)
    except ConfigError:
        # It was right when the run was trained: what happened since is the cause.
        if (path.parent / MANIFEST).exists():
            check_config(path.parent, read_manifest(path.parent))
        raise
    if config is None:
        raise RunError(
            f"{path} extends another file, but the config of a run "
            "stands for itself: cifarcnn writes it with every value in it. It is "
            "not loaded."
        )
    return config


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    write_file(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
