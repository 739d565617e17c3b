"""What lies in a folder of one's own images: classes, images, and what is left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.errors import DataError

# The ending alone says what is taken for an image; its content then says which format
# it has.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".gif")
# Each is the name of the validation split in some widespread data set.
VALIDATION_NAMES = ("validation", "val", "valid")

OUTSIDE = "in no class folder"
HIDDEN = "hidden"
NESTED = "nested folders"
LINKED = "linked twice"

# What macOS's archives bring along: hidden files, and a folder of them.
_MACOS = "__MACOSX"
_SHOWN = 5  # names that a sentence lists

_Identity = tuple[int, int]


@dataclass(frozen=True)
class ClassFolders:
    """What one split holds.

    Attributes:
        path: Its folder.
        images: The image files of each class folder; both in the order of their names.
        left_out: How many of what is left out, for each class folder; under ``""``
            what lies beside the class folders.
    """

    path: Path
    images: dict[str, list[os.DirEntry[str]]]
    left_out: dict[str, Counter[str]]

    @property
    def count(self) -> int:
        """How many images there are."""
        return sum(map(len, self.images.values()))

    @property
    def described_left_out(self) -> str:
        """What is left out, in all: see ``describe_left_out``."""
        return describe_left_out(sum(self.left_out.values(), Counter()))

    def image_names(self) -> list[str]:
        """``split/class/file`` of each image, in the order in which they are read."""
        return [
            f"{self.path.name}/{name}/{entry.name}"
            for name, entries in self.images.items()
            for entry in entries
        ]


@dataclass(frozen=True)
class FolderLayout:
    """Which splits a folder has.

    Attributes:
        root: The folder.
        train: ``None`` where there is none.
        validations: Those of ``VALIDATION_NAMES`` that are there; more than one is a
            problem.
        test: ``None`` where there is none.
        unused: The names of the other folders beside ``train``.
        stray_images: How many images lie in ``root`` itself.
    """

    root: Path
    train: ClassFolders | None
    validations: tuple[ClassFolders, ...]
    test: ClassFolders | None
    unused: tuple[str, ...]
    stray_images: int

    @property
    def validation(self) -> ClassFolders | None:
        """The validation split; ``None`` where there is none, or no image in it."""
        return next((split for split in self.validations if split.count), None)

    @property
    def splits(self) -> tuple[ClassFolders, ...]:
        """All of them."""
        found = (self.train, *self.validations, self.test)
        return tuple(split for split in found if split is not None)


def find_layout(root: Path) -> FolderLayout:
    """Look for the splits in ``root``, which need not exist; capitals do not matter.

    Raises:
        DataError: A folder cannot be read.
    """
    entries = _scan(root)
    folders = [entry.name for entry in entries if _is_folder(entry)]
    # Of Test and test the latter: the last one in the order of names.
    alike = {name.lower(): name for name in folders}
    splits = {
        name: list_class_folders(root / alike[name])
        for name in ("train", *VALIDATION_NAMES, "test")
        if name in alike
    }
    used = {split.path.name for split in splits.values()}
    return FolderLayout(
        root=root,
        train=splits.get("train"),
        validations=tuple(splits[name] for name in VALIDATION_NAMES if name in splits),
        test=splits.get("test"),
        unused=tuple(
            name for name in folders if name not in used and not _is_hidden(name)
        ),
        stray_images=sum(_why_left_out(entry) is None for entry in entries),
    )


def list_class_folders(folder: Path) -> ClassFolders:
    """List ``<class>/<image>``.

    A link is followed, unless it leads to a folder or an image that is there already.

    Raises:
        DataError: A folder cannot be read.
    """
    images: dict[str, list[os.DirEntry[str]]] = {}
    left_out: dict[str, Counter[str]] = {"": Counter()}
    folders = []
    for entry in _scan(folder):
        if _is_folder(entry) and not _is_hidden(entry.name):
            folders.append(entry)
        elif kind := _why_left_out(entry):
            left_out[""][kind] += 1
        else:
            left_out[""][OUTSIDE] += 1
    for entry in _drop_known(folders, _above(folder), left_out[""]):
        images[entry.name] = []
        left_out[entry.name] = Counter()
        for file in _scan(Path(entry.path)):
            if kind := _why_left_out(file):
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
    return ClassFolders(folder, images, left_out)


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


def list_some(names: Collection[str]) -> str:
    """The first five names, and how many more there are."""
    shown = ", ".join(list(names)[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name; nothing where there is none."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_hidden(name: str) -> bool:
    return name[0] == "." or name == _MACOS


def _why_left_out(entry: os.DirEntry[str]) -> str | None:
    """What a note calls it; ``None`` for an image."""
    # Editors and file managers leave hidden files behind, macOS one for every image.
    if _is_hidden(entry.name):
        return HIDDEN
    if _is_folder(entry):
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
