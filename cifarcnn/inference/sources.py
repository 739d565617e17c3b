"""From what the user typed to single images, in the order typed."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

STANDARD_INPUT = "-"
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".gif")

_TEST = re.compile(r"test:([0-9]{1,9})")


@dataclass(frozen=True)
class Source:
    """One image to be read, or the reason why there is none.

    Attributes:
        name: What the answer calls it.
        path: The file; None for anything else.
        test_index: The number in the test split, from 0; None for anything else.
        error: Why the entry gives no image; None when it does.
    """

    name: str
    path: Path | None = None
    test_index: int | None = None
    error: str | None = None


def collect_sources(entries: Iterable[str]) -> Iterator[Source]:
    """The images of every entry, in the order given, repeated ones repeated.

    Args:
        entries: Each a file, a folder (every image in and below it, by name), a
            pattern with ``*``, ``?``, ``[...]`` or ``**``, ``-`` for standard input,
            or ``test:17`` for an image of the test split. A file whose name looks
            like one of these is reached through its folder: ``./test:17``.
    """
    for entry in entries:
        if entry == STANDARD_INPUT:
            yield Source(entry)
        elif match := _TEST.fullmatch(entry):
            yield Source(entry, test_index=int(match[1]))
        elif os.path.isdir(entry):
            yield from _collect_folder(entry)
        elif os.path.lexists(entry) or not glob.has_magic(entry):
            yield _single(entry)
        else:
            yield from _collect_matches(entry)


def _single(entry: str) -> Source:
    if entry.startswith("test:") and not os.path.lexists(entry):
        return Source(
            entry,
            error="after test: belongs the number of a picture of the test split, "
            "such as test:17; numbers begin at 0.",
        )
    return Source(entry, path=Path(entry))


def _collect_folder(folder: str) -> Iterator[Source]:
    found = False
    for place, folders, files in os.walk(folder):
        # A point in front hides a name; macOS puts such a file beside every image.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                found = True
                path = os.path.join(place, name)
                yield Source(path, path=Path(path))
    if not found:
        yield Source(
            folder,
            error="the folder holds no picture: no file in it ends in "
            f"{', '.join(SUFFIXES)}.",
        )


def _collect_matches(pattern: str) -> Iterator[Source]:
    matches = sorted(glob.glob(pattern, recursive=True))
    if not matches:
        yield Source(
            pattern, error="there is no such file, and as a pattern it matches none."
        )
    for match in matches:
        if os.path.isdir(match):
            # `**` names every folder as well as the files in it.
            if "**" not in pattern:
                yield from _collect_folder(match)
        else:
            yield Source(match, path=Path(match))
