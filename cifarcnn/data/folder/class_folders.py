"""Class folders: the images in each of them, and what is left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cifarcnn.errors import DataError

# The ending alone says what is taken for an image; its content then says which format
# it has.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".gif")

OUTSIDE = "in no class folder"
HIDDEN = "hidden"
NESTED = "nested folders"
LINKED = "linked twice"

# What macOS's archives bring along: hidden files, and a folder of them.
_MACOS = "__MACOSX"
_SHOWN = 5  # names that a sentence lists

_Identity = tuple[int, int]


class ImageEntry(Protocol):
    """An image that was found; an ``os.DirEntry`` is one."""

    @property
    def name(self) -> str:
        """What it is called beside the others of its class."""

    @property
    def path(self) -> str:
        """Where it lies."""

    def stat(self) -> os.stat_result:
        """Its size and times.

        Raises:
            OSError: It is not there.
        """


@dataclass(frozen=True)
class ClassFolders:
    """What one split holds, or what splits are cut from.

    Attributes:
        path: Its folder, or the list that names its images.
        images: The images of each class; both in the order of their names.
        left_out: How many of what is left out, for each class folder; under ``""``
            what lies beside the class folders.
        title: What messages call it.
        name_format: What they call an image, of the fields ``split``, ``label`` and
            ``file``.
    """

    path: Path
    images: Mapping[str, Sequence[ImageEntry]]
    left_out: Mapping[str, Counter[str]]
    title: str
    name_format: str = "{split}/{label}/{file}"

    @property
    def count(self) -> int:
        """How many images there are."""
        return sum(map(len, self.images.values()))

    @property
    def described_left_out(self) -> str:
        """What is left out, in all: see ``describe_left_out``."""
        return describe_left_out(sum(self.left_out.values(), Counter()))

    def images_by_class(self) -> list[tuple[str, ImageEntry]]:
        """Every image with its class, in the order in which they are read."""
        return [
            (label, entry)
            for label, entries in self.images.items()
            for entry in entries
        ]

    def image_names(self) -> list[str]:
        """What messages call each image, in the order in which they are read."""
        return [
            self.name_format.format(split=self.title, label=label, file=entry.name)
            for label, entry in self.images_by_class()
        ]


def list_class_folders(folder: Path) -> ClassFolders:
    """List ``<class>/<image>``.

    A link is followed, unless it leads to a folder or an image that is there already.

    Raises:
        DataError: A folder cannot be read.
    """
    images: dict[str, list[os.DirEntry[str]]] = {}
    left_out: dict[str, Counter[str]] = {"": Counter()}
    folders = []
    for entry in scan_folder(folder):
        if is_folder(entry) and not is_hidden(entry.name):
            folders.append(entry)
        elif kind := why_left_out(entry):
            left_out[""][kind] += 1
        else:
            left_out[""][OUTSIDE] += 1
    for entry in _drop_known(folders, _above(folder), left_out[""]):
        images[entry.name] = []
        left_out[entry.name] = Counter()
        for file in scan_folder(Path(entry.path)):
            if kind := why_left_out(file):
                left_out[entry.name][kind] += 1
            else:
                images[entry.name].append(file)
    every = [file for files in images.values() for file in files]
    if any(file.is_symlink() for file in every):
        kept = set(_drop_known(every, (), left_out[""]))
        images = {
            name: [file for file in files if file in kept]
            for name, files in images.items()
        }
    return ClassFolders(folder, images, left_out, folder.name)


def describe_left_out(left_out: Counter[str]) -> str:
    """Such as ``20 files left out: .tif``; empty where nothing was.

    Args:
        left_out: How many by ending, or by ``HIDDEN`` and the like.
    """
    nested = left_out[NESTED]
    files = [(kind, count) for kind, count in left_out.most_common() if kind != NESTED]
    total = left_out.total() - nested
    parts = []
    if files:
        kinds = [f"{count:,} {kind}" if files[1:] else kind for kind, count in files]
        what = "file" if total == 1 else "files"
        parts.append(f"{total:,} {what} left out: {', '.join(kinds)}")
    if nested:
        what = (
            "folder in a class folder is"
            if nested == 1
            else "folders in class folders are"
        )
        parts.append(f"{nested:,} {what} not read")
    return "; ".join(parts)


def list_some(names: Collection[str], shown: int = _SHOWN) -> str:
    """The first names, five unless said otherwise, and how many more there are."""
    listed = ", ".join(list(names)[:shown])
    more = len(names) - shown
    return f"{listed} and {more:,} more" if more > 0 else listed


def scan_folder(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name; nothing where there is none."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from None


def is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def is_hidden(name: str) -> bool:
    return name[0] == "." or name == _MACOS


def why_left_out(entry: os.DirEntry[str]) -> str | None:
    """What a note calls it; ``None`` for an image."""
    # Editors and file managers leave hidden files behind, macOS one for every image.
    if is_hidden(entry.name):
        return HIDDEN
    if is_folder(entry):
        return NESTED
    suffix = os.path.splitext(entry.name)[1].lower()
    return None if suffix in IMAGE_SUFFIXES else suffix or "without an ending"


def _above(folder: Path) -> Iterator[_Identity]:
    """The folder itself and those that hold it: a link to one of them is a loop."""
    real = Path(os.path.realpath(folder))
    for path in (real, *real.parents):
        status = os.stat(path)
        yield status.st_dev, status.st_ino


def _drop_known(
    entries: list[os.DirEntry[str]],
    known: Iterator[_Identity] | tuple[_Identity, ...],
    left_out: Counter[str],
) -> list[os.DirEntry[str]]:
    """Without the links to what is known or among the entries already; counts them."""
    if not any(entry.is_symlink() for entry in entries):
        return entries
    seen = {*known, *(_identify(e) for e in entries if not e.is_symlink())}
    kept = []
    for entry in entries:
        identity = _identify(entry)
        if entry.is_symlink() and identity is not None and identity in seen:
            left_out[LINKED] += 1
        else:
            seen.add(identity)
            kept.append(entry)
    return kept


def _identify(entry: os.DirEntry[str]) -> _Identity | None:
    try:
        status = os.stat(entry.path)
    except OSError:
        return None  # a link that leads nowhere: reading it will say so
    return status.st_dev, status.st_ino
