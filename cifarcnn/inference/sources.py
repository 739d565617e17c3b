"""From what the user typed to single images, in the order typed."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cifarcnn.data.folder.class_folders import IMAGE_SUFFIXES, describe_left_out
from cifarcnn.errors import CifarcnnError

STANDARD_INPUT = "-"

_TEST = re.compile(r"test:(?:\*|([0-9]{1,9})(?:-([0-9]{1,9}))?)")
# Two stars between separators; elsewhere they are two single ones.
_STARS = re.compile(r"(?:^|(?<=[/\\]))\*\*(?:[/\\]+|$)")


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


def collect_sources(
    entries: Iterable[str],
    count_test: Callable[[], int],
    noted: Callable[[str], None],
) -> Iterator[Source]:
    """The images of every entry, in the order given, repeated ones repeated.

    Args:
        entries: Each a file, a folder (every image in and below it, by name), a
            pattern with ``*``, ``?``, ``[...]`` or ``**``, ``-`` for standard input,
            or of the test split ``test:17`` for an image, ``test:0-99`` for a range,
            ``test:*`` for all. A file whose name looks like one of these is reached
            through its folder: ``./test:17``. A linked folder is looked into once,
            after the others, and however many links lead to a folder, it gives each
            image once.
        count_test: How many images the test split has; called for a range.
        noted: Is told what a folder holds that is left out.
    """
    for entry in entries:
        exists = os.path.lexists(entry)
        if not entry:
            yield Source(
                "",
                error="the name is empty; expected a file, a folder, a pattern, - or "
                "test:17. Perhaps a variable of the shell is not set.",
            )
        elif entry == STANDARD_INPUT:
            yield Source(entry)
        elif match := _TEST.fullmatch(entry):
            yield from _collect_test(entry, match, count_test)
        elif os.path.isdir(entry):
            yield from _collect_folder(entry, noted)
        elif glob.has_magic(entry) and not exists:
            yield from _collect_matches(entry, noted)
        elif entry.startswith("test:") and not exists:
            yield Source(
                entry,
                error="after test: belongs the number of a picture of the test split, "
                "such as test:17, a range such as test:0-99, or * for all of them; "
                "numbers begin at 0.",
            )
        else:
            yield Source(entry, path=Path(entry))


def _collect_test(
    entry: str, match: re.Match[str], count_test: Callable[[], int]
) -> Iterator[Source]:
    first, last = match.groups()
    if first is not None and last is None:
        yield Source(entry, test_index=int(first))
        return
    try:
        count = count_test()
    except CifarcnnError as error:
        yield Source(entry, error=str(error))
        return
    begin, end = int(first or 0), count - 1 if last is None else int(last)
    if begin > end:
        yield Source(
            entry,
            error=f"the range ends before it begins; expected test:{end}-{begin}.",
        )
    elif end >= count:
        yield Source(entry, error=describe_test_split(count))
    else:
        for index in range(begin, end + 1):
            yield Source(f"test:{index}", test_index=index)


def describe_test_split(count: int) -> str:
    """What to say to whoever asks for an image that the test split has not."""
    return f"the test split has the pictures 0 to {count - 1}."


def _collect_folder(folder: str, noted: Callable[[str], None]) -> Iterator[Source]:
    found = False
    left_out: Counter[str] = Counter()
    failures: list[OSError] = []
    for place, files in _walk(folder, failures.append, noted):
        for name in files:
            path = os.path.join(place, name)
            if name.lower().endswith(IMAGE_SUFFIXES):
                found = True
                yield Source(path, path=Path(path))
            else:
                left_out[Path(name).suffix.lower() or "without an ending"] += 1
    yield from map(_as_source, failures)
    if left_out:
        noted(f"{folder}: {describe_left_out(left_out)}")
    if not found and not failures:
        yield Source(
            folder,
            error="the folder holds no picture: no file in it ends in "
            f"{', '.join(IMAGE_SUFFIXES)}.",
        )


def _as_source(failure: OSError) -> Source:
    error = f"the folder cannot be read: {failure.strerror}."
    return Source(failure.filename, error=error)


def _walk(
    folder: str, failed: Callable[[OSError], None], noted: Callable[[str], None]
) -> Iterator[tuple[str, list[str]]]:
    """Each folder in and below one, with the names of its files.

    Each comes once, whatever links lead to it, those behind links last. A link to a
    folder above all of them, such as the root, is not followed. A point in front hides
    a name; macOS puts such a file beside every image.
    """
    above = set(map(str, Path(os.path.realpath(folder)).parents))
    seen: set[str] = set()
    waiting = [folder]
    for start in waiting:  # grows
        for place, folders, files in os.walk(start, onerror=failed):
            real = os.path.realpath(place)
            if real in above:
                noted(f"{place} is a link to a folder above and is not followed")
            if real in above or real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            paths = (os.path.join(place, name) for name in folders)
            waiting += filter(os.path.islink, paths)
            yield place, sorted(name for name in files if not name.startswith("."))


def _collect_matches(pattern: str, noted: Callable[[str], None]) -> Iterator[Source]:
    """The images that a pattern names, each once, those behind links last."""

    @cache
    def real(folder: str) -> str:
        return os.path.realpath(folder)

    def behind_link(match: str) -> bool:
        folder = match if os.path.isdir(match) else os.path.dirname(match)
        return real(folder) != os.path.abspath(folder)

    failures: list[OSError] = []
    found = _match(pattern, failures.append, noted)
    matches = sorted(found, key=lambda match: (behind_link(match), match))
    if not matches and not failures:
        yield Source(
            pattern, error="there is no such file, and as a pattern it matches none."
        )
    seen: set[tuple[str, str]] = set()
    for match in matches:
        if os.path.isdir(match):
            sources = _collect_folder(match, noted)
        else:
            sources = iter([Source(match, path=Path(match))])
        for source in sources:
            folder, name = os.path.split(source.name)
            if (real(folder), name) not in seen:
                seen.add((real(folder), name))
                yield source
    yield from map(_as_source, failures)


def _match(
    pattern: str, failed: Callable[[OSError], None], noted: Callable[[str], None]
) -> list[str]:
    """As ``glob.glob``; ``**`` follows links, but to no folder twice.

    A ``**`` at the end gives files alone, since it names every folder as well.
    """
    stars = _STARS.search(pattern)
    if stars is None:
        return glob.glob(pattern)
    base, rest = pattern[: stars.start()], pattern[stars.end() :]
    matches = []
    for start in glob.glob(base) if base else [os.curdir]:
        for place, files in _walk(start, failed, noted):
            folder = place if base else place[len(os.curdir + os.sep) :]
            if rest:
                below = os.path.join(glob.escape(folder), rest)
                matches += _match(below, failed, noted)
            else:
                matches += [os.path.join(folder, name) for name in files]
    return matches
