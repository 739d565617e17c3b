"""The folder of a study: what is searched, its database, and a run for each trial."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from filelock import FileLock, Timeout

from cifarcnn.errors import RunError, UsageError
from cifarcnn.files import remove_leftovers
from cifarcnn.runs.run_path import ROOT, make_folder, make_numbered_folder
from cifarcnn.runs.safe_io import (
    describe_os_error,
    read_json,
    require_folder,
    write_file,
)

SEARCH = "search.json"
BASE = "base.yaml"
SPACE = "space.yaml"
DATABASE = "study.db"
TRIALS = "trials"
WORKERS = "workers"
BEST = "best.yaml"
PAGE = "search.html"
FINALISTS = "finalists"
_LIMIT = 4 * 1024 * 1024

Sampler: TypeAlias = Literal["tpe", "grid", "random"]
Pruner: TypeAlias = Literal["median", "hyperband", "none"]


@dataclass(frozen=True)
class SearchSettings:
    """What a study is; the same on every machine that works on it.

    Attributes:
        study: Its name in the database, which what is searched determines.
        fingerprint: Of the config, the space, the sampler and the pruner.
        sampler: Which settings come next.
        pruner: Which trials end early.
        vary: As ``--vary`` has them.
        space: The content of ``--space``; ``None`` without.
        storage: URL without a password; ``None`` for the file beside the runs.
        home: Of this folder, which no other has.
    """

    study: str
    fingerprint: str
    sampler: Sampler
    pruner: Pruner
    vary: tuple[str, ...]
    space: str | None
    storage: str | None
    home: str


@dataclass(frozen=True)
class StudyFolder:
    """Where a study lies on this machine.

    Attributes:
        path: The folder.
        settings: What the study is.
    """

    path: Path
    settings: SearchSettings

    @property
    def base_path(self) -> Path:
        """The config that the search starts from."""
        return self.path / BASE

    @property
    def default_storage(self) -> str:
        """The URL of the file of SQLite in this folder."""
        return f"sqlite:///{(self.path / DATABASE).absolute()}"

    @property
    def resume_command(self) -> str:
        """What goes on with it."""
        more = " --storage URL" if self.settings.storage else ""
        return f"cifarcnn search --resume {shlex.quote(str(self.path))}{more}"

    def run_path(self, number: int, place: int = 1) -> Path:
        """Where the run of a trial is, or will be.

        Args:
            number: Of the trial.
            place: Above 1 where a run of other settings has the folder of its number.
        """
        name = f"{number:04d}" if place == 1 else f"{number:04d}-{place}"
        return self.path / TRIALS / name

    def worker_lock(self, name: str) -> FileLock:
        """What a worker holds for as long as it lives."""
        return FileLock(self.path / WORKERS / f"{name}.lock")

    def worker_lives(self, name: str) -> bool:
        """Whether one of this folder is still there."""
        path = self.path / WORKERS / f"{name}.lock"
        if not path.is_file():
            return False
        try:
            self.worker_lock(name).acquire(timeout=0).lock.release()
        except Timeout:
            return True
        return False

    def lock(self) -> Any:
        """Keep other searches out of the folder, until the end of a ``with``.

        Raises:
            RunError: Another one works in it, or it cannot be written.
        """
        require_folder(self.path)
        try:
            held = FileLock(self.path / ".lock").acquire(timeout=0.2)
            remove_leftovers(self.path)
        except Timeout:
            raise RunError(
                f"{self.path} is being searched by another process. Wait for its end, "
                "or stop it; --jobs has one command train several at once."
            ) from None
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be written: {describe_os_error(error)}."
            ) from error
        return held


def is_study(path: Path) -> bool:
    """Whether a folder was made by ``search``."""
    return os.path.lexists(path / SEARCH)


def make_study(
    path: Path | None, name: str, base: str, settings: Mapping[str, Any]
) -> StudyFolder:
    """A new folder for a study.

    Args:
        path: New or empty; ``None``: ``runs/<name>-search-<number>``.
        name: Of the config.
        base: The text of the config.
        settings: All of :class:`SearchSettings` but ``home``.

    Raises:
        RunError: The folder holds something, or cannot be made.
    """
    if path is None:
        made = make_numbered_folder(ROOT, f"{name}-search", pointed=False)
    else:
        made = make_folder(path, pointed=False)
    folder = StudyFolder(made, SearchSettings(**settings, home=secrets.token_hex(8)))
    for inner in (TRIALS, WORKERS):
        (made / inner).mkdir(exist_ok=True)
    write_file(folder.base_path, base.encode())
    if folder.settings.space is not None:
        write_file(made / SPACE, folder.settings.space.encode())
    # Last: what makes it one.
    content = json.dumps(asdict(folder.settings), indent=2) + "\n"
    write_file(made / SEARCH, content.encode())
    return folder


def open_study(path: Path) -> StudyFolder:
    """The folder of a study.

    Raises:
        RunError: It is none, or ``search.json`` is damaged or cannot be read.
    """
    if not is_study(path):
        raise RunError(
            f"{path} is not the folder of a search: {SEARCH} is missing. Name the "
            "folder that `cifarcnn search` reported."
        )
    known = SearchSettings.__dataclass_fields__
    texts = known.keys() - {"vary", "space", "storage"}
    try:
        content = read_json(path / SEARCH, _LIMIT)
    except RunError as error:
        if isinstance(error.__cause__, OSError):
            raise
        content = {}
    vary = content.get("vary")
    if (
        content.keys() != known.keys()
        or not all(isinstance(content[name], str) for name in texts)
        or not isinstance(vary, list)
    ):
        raise RunError(
            f"{path / SEARCH} is damaged, or of another version of cifarcnn. Restore "
            f"it from a copy; the runs in {path / TRIALS} are ordinary ones."
        )
    given: dict[str, Any] = {**content, "vary": tuple(map(str, vary))}
    return StudyFolder(path, SearchSettings(**given))


def find_study(
    path: Path | None,
    name: str,
    fingerprint: str,
    root: Path,
    note: Callable[[str], object],
) -> StudyFolder | None:
    """The study that the same command began before, if it did; the newest of several.

    Args:
        path: What ``--run`` says; ``None``: any ``runs/<name>-search-<number>``.
        name: Of the config.
        fingerprint: Of what shall be searched.
        root: The folder of all runs.
        note: Is told, a sentence each, of those that are passed over, since nobody
            knows what they search.

    Raises:
        UsageError: Another search lies in ``path``.
        RunError: The study in ``path`` is damaged.
    """
    if path is None:
        newest = None
        for beside in _list_studies(root, f"{name}-search"):
            try:
                study = open_study(beside)
            except RunError as error:
                note(f"{beside} is passed over: {error}")
                continue
            if study.settings.fingerprint == fingerprint:
                newest = study
        return newest
    if not is_study(path):
        return None
    found = open_study(path)
    if found.settings.fingerprint != fingerprint:
        raise UsageError(
            f"{path} holds a search of another config, over another space, or with "
            "another sampler or pruner: the results of both cannot stand in one study. "
            "Name another folder with --run, or go on with the one that is there: "
            f"{found.resume_command}"
        )
    return found


def _list_studies(root: Path, name: str) -> list[Path]:
    """The folders ``<name>-<number>`` that are studies, by their numbers."""
    numbered = re.compile(re.escape(name) + "-([0-9]{1,9})")
    found = {
        int(match[1]): path
        for path in (root.iterdir() if root.is_dir() else ())
        if (match := numbered.fullmatch(path.name)) and is_study(path)
    }
    return [found[number] for number in sorted(found)]
