"""Where CIFAR files may lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.data.cache import cache_folder
from cifarcnn.data.cifar_facts import Cifar, Layout
from cifarcnn.errors import DataError


@dataclass(frozen=True)
class Place:
    """Where a data set was found.

    Attributes:
        layout: Which of the two published forms it has.
        path: The folder of its files, or the archive.
        packed: Whether ``path`` is the archive.
    """

    layout: Layout
    path: Path
    packed: bool


def find_cifar(cifar: Cifar, path: Path | None) -> Place:
    """Find the files of ``cifar``; what they hold is not looked at.

    Args:
        cifar: Which data set.
        path: The folder of the files, a folder that holds it or an archive of it, or
            the archive itself. ``None`` looks in ``$CIFARCNN_DATA``, the user's cache
            folder and Keras's.

    Raises:
        DataError: Nothing was found; says what to fetch and where to put it.
    """
    bases = _usual_places() if path is None else [path]
    for base in bases:
        place = _find_at(cifar, base)
        if place is not None:
            return place
    raise DataError(_explain(cifar, bases, given=path is not None))


def _usual_places() -> list[Path]:
    named = os.environ.get("CIFARCNN_DATA")
    # Keras reads this variable too.
    keras = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    places = [Path(named).expanduser()] if named else []
    return [*places, cache_folder(), Path(keras).expanduser() / "datasets"]


def _find_at(cifar: Cifar, base: Path) -> Place | None:
    for layout in cifar.layouts:
        homes = ("", layout.folder, *layout.other_homes)
        for folder in (base / home for home in homes):
            # os.path: what may not be looked into is a folder without our files.
            if any(os.path.isfile(folder / file.name) for file in layout.data_files):
                return Place(layout, folder, packed=False)
    for layout in cifar.layouts:
        names = (layout.archive.name, *layout.other_homes)
        if base.name in names and os.path.isfile(base):
            return Place(layout, base, packed=True)
        for archive in (base / name for name in names):
            if os.path.isfile(archive):
                return Place(layout, archive, packed=True)
    return None


def _explain(cifar: Cifar, bases: list[Path], *, given: bool) -> str:
    layouts, archive = cifar.layouts, cifar.binary.archive
    wanted = [f"{layout.folder}/" for layout in layouts]
    wanted += [layout.archive.name for layout in layouts]
    places = "".join(f"\n  {base}{_state(base)}" for base in bases)
    target = "there" if given else f"into {cache_folder()}"
    return (
        f"{cifar.title} was not found. "
        f"Looked for {', '.join(wanted[:-1])} or {wanted[-1]} in:{places}\n"
        f"Fetch {archive.url} ({archive.size:,} bytes, sha256 {archive.sha256}) and "
        f"put it {target}, unopened; or say where it lies with data.path or the "
        "environment variable CIFARCNN_DATA.\n"
        "dataset: synthetic needs no download."
    )


def _state(base: Path) -> str:
    if os.path.isdir(base):
        return ""
    if os.path.exists(base):
        return " (a file of another name)"
    return " (does not exist)"
