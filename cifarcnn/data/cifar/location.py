"""Where CIFAR files may lie, and where they came from."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cifarcnn import caches
from cifarcnn.data.cifar.facts import Cifar, Layout
from cifarcnn.errors import DataError
from cifarcnn.files import write_atomically

_NOTE_LIMIT = 10_000


@dataclass(frozen=True)
class Location:
    """Where a data set was found.

    Attributes:
        layout: Which of the two published forms it has.
        path: The folder of its files, or the archive.
        packed: Whether ``path`` is the archive.
    """

    layout: Layout
    path: Path
    packed: bool


def find_cifar(cifar: Cifar, path: Path | None) -> Location:
    """Find the files of ``cifar``; what they hold is not looked at.

    Args:
        cifar: Which data set.
        path: The folder of the files, a folder that holds it or an archive of it, or
            the archive itself. ``None`` looks in ``$CIFARCNN_DATA``, the user's cache
            folder and Keras's.

    Raises:
        DataError: Nothing was found; says what to fetch and where to put it. Or there
            is no place where the user's data could lie.
    """
    bases = usual_folders() if path is None else [path]
    for base in bases:
        for place in find_locations(cifar, base):
            return place
    raise DataError(_explain(cifar, bases, given=path is not None))


def find_shadowing(cifar: Cifar, path: Path) -> Path | None:
    """What is found before ``path`` when the data set is opened, or ``None``."""
    first = find_cifar(cifar, None).path
    return None if first == path else first


def cache_folder() -> Path:
    """The folder for what can be made again: ``$CIFARCNN_CACHE``, or the user's own.

    Raises:
        DataError: The user has no home folder, as in some containers.
    """
    folder = caches.cache_folder()
    if folder is None:
        raise DataError(
            "This user has no home folder, where data could be kept. Name a folder "
            "with the environment variable CIFARCNN_CACHE."
        )
    return folder


def usual_folders() -> list[Path]:
    """``$CIFARCNN_DATA`` where it is set, the user's cache folder, and Keras's."""
    named = os.environ.get("CIFARCNN_DATA")
    # Keras reads this variable too.
    keras = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    places = [Path(os.path.expanduser(named))] if named else []
    return [*places, cache_folder(), Path(os.path.expanduser(keras)) / "datasets"]


def find_locations(cifar: Cifar, base: Path) -> Iterator[Location]:
    """Every place in ``base`` where files of ``cifar`` seem to lie, the best first."""
    for layout in cifar.layouts:
        homes = ("", layout.folder, *layout.other_homes)
        for folder in (base / home for home in homes):
            # os.path: what may not be looked into is a folder without our files.
            if any(os.path.isfile(folder / file.name) for file in layout.data_files):
                yield Location(layout, folder, packed=False)
    for layout in cifar.layouts:
        names = (layout.archive.name, *layout.other_homes)
        if base.name in names and os.path.isfile(base):
            yield Location(layout, base, packed=True)
        for archive in (base / name for name in names):
            if os.path.isfile(archive):
                yield Location(layout, archive, packed=True)


def find_usual_locations(cifar: Cifar) -> Iterator[Location]:
    """As ``find_locations``, in all of the usual folders, those that count first."""
    for base in usual_folders():
        yield from find_locations(cifar, base)


def explain_by_hand(cifar: Cifar, folder: Path | None) -> str:
    """How to get ``cifar`` without this program's help.

    Args:
        cifar: Which data set.
        folder: Where to put it; ``None``: into the folder that was looked into.
    """
    archive = cifar.binary.archive
    target = "there" if folder is None else f"into {folder}"
    return (
        f"By hand: fetch {archive.url} ({archive.size:,} bytes, sha256 "
        f"{archive.sha256}) and put it {target}, unopened; or say where it lies with "
        "data.path or the environment variable CIFARCNN_DATA; or bring what you have, "
        "in any form: cifarcnn data import PATH\n"
        "dataset: synthetic needs no download."
    )


def describe_files(cifar: Cifar) -> str:
    """The folders and archives that are looked for, in a phrase."""
    folders = [f"{layout.folder}/" for layout in cifar.layouts]
    *others, last = folders + [layout.archive.name for layout in cifar.layouts]
    return f"{', '.join(others)} or {last}"


def _explain(cifar: Cifar, bases: list[Path], *, given: bool) -> str:
    places = "".join(f"\n  {base}{_state(base)}" for base in bases)
    way = f"Fetch it with: cifarcnn data fetch {cifar.name}"
    if given and os.path.isfile(bases[0]):
        way = f"Bring it with: cifarcnn data import {shlex.quote(str(bases[0]))}"
    elif given:
        way += f" --to {shlex.quote(str(bases[0]))}"
    return (
        f"{cifar.title} was not found. "
        f"Looked for {describe_files(cifar)} in:{places}\n"
        f"{way}\n"
        f"{explain_by_hand(cifar, None if given else cache_folder())}"
    )


def _state(base: Path) -> str:
    if os.path.isdir(base):
        return ""
    if os.path.exists(base):
        return " (a file of another name)"
    return " (does not exist)"


class Provenance(BaseModel):
    """Where data came from.

    Attributes:
        how: ``fetched`` from the network or ``imported`` from this machine.
        origin: The address or the path.
        day: The date (UTC), as in 2026-01-31.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    how: Literal["fetched", "imported"]
    origin: str
    day: str


def write_provenance(
    path: Path, how: Literal["fetched", "imported"], origin: str
) -> None:
    """Note where ``path`` came from today; without room for a note there is none."""
    # A path may hold bytes that are not UTF-8.
    origin = origin.encode(errors="replace").decode()
    day = datetime.now(UTC).date().isoformat()
    note = Provenance(how=how, origin=origin, day=day)
    with contextlib.suppress(OSError):
        write_atomically(_note(path), note.model_dump_json().encode())


def read_provenance(path: Path) -> Provenance | None:
    """Where ``path`` came from, or ``None`` when nothing readable says so."""
    try:
        with open(_note(path), "rb") as file:
            return Provenance.model_validate_json(file.read(_NOTE_LIMIT))
    except (OSError, ValidationError):
        return None


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.origin.json")
