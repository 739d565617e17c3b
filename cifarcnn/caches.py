"""The folders of what can be made again: where they lie, how large, and cleared."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from cifarcnn.files import own_folder

Kind = Literal["compiled", "decoded", "features"]

_UNFINISHED_SECONDS = 3600
# What this program writes there, and nobody else: see ``data/decoded_cache.py``,
# ``data/decoding/decoded_files.py``, ``engine/compilation_cache.py`` and
# ``training/feature_cache.py``.
_WRITTEN: dict[Kind, re.Pattern[str]] = {
    "compiled": re.compile(r"(tensorflow|jax)-[^/]+-[0-9a-f]{12}/.+"),
    "decoded": re.compile(
        r"(synthetic|(cifar10|cifar100|folder)-[0-9a-f]{16})/"
        r"(index\.json|\w+-(images|labels)\.npy|\d+x\d+-\w+\.(json|\w+\.npy)|\..+\.tmp)"
    ),
    "features": re.compile(r"[0-9a-f]{32}-[0-9a-f]{64}\.npy|\.[0-9a-f.]+\.tmp"),
}


def cache_folder(kind: Kind | None = None) -> Path | None:
    """``$CIFARCNN_CACHE``, or the user's own; None for a user without a home.

    Args:
        kind: The folder in it of compiled programs, of decoded images, or of features.
    """
    override = os.environ.get("CIFARCNN_CACHE")
    folder = Path(os.path.expanduser(override)) if override else own_folder("cache")
    return folder / kind if folder and kind else folder


def size_bytes(kind: Kind) -> int:
    """How much a cache holds of what this program wrote; 0 where there is none."""
    return sum(status.st_size for _, status in written_files(kind))


def clear(kind: Kind) -> None:
    """Remove what this program wrote into a cache, also while others use it.

    What must stay, stays, and so does what a user put there, and what another process
    may be writing: TensorFlow would end over it.
    """
    for path, status in written_files(kind):
        if is_unfinished(path) and is_young(status):
            continue
        with contextlib.suppress(OSError):
            path.unlink()


def make_room(
    kind: Kind, most_bytes: int, new_bytes: int = 0, folder: Path | None = None
) -> None:
    """Remove what was used longest ago, until the rest and what is new fit a limit.

    What a user put beside it neither counts nor goes.

    Args:
        kind: The cache.
        most_bytes: Of all files together.
        new_bytes: Of those that are to be written.
        folder: Another than the user's own.
    """
    files = list(written_files(kind, folder))
    # Most systems note the time of a reading once a day.
    files.sort(key=lambda file: max(file[1].st_atime, file[1].st_mtime))
    total = new_bytes + sum(status.st_size for _, status in files)
    for path, status in files:
        if total <= most_bytes:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        total -= status.st_size


def written_files(
    kind: Kind, folder: Path | None = None
) -> Iterator[tuple[Path, os.stat_result]]:
    """What this program wrote into a cache; ``folder``: another than the user's own."""
    folder = folder or cache_folder(kind)
    for path, status in cached_files(folder):
        if folder and _WRITTEN[kind].fullmatch(path.relative_to(folder).as_posix()):
            yield path, status


def is_unfinished(path: Path) -> bool:
    """Whether whoever writes it will give it another name once it is whole."""
    return path.suffix == ".tmp" or path.name.startswith("tmp")


def is_young(status: os.stat_result) -> bool:
    """Whether a file may still be in the hands of whoever writes it."""
    return time.time() - status.st_mtime < _UNFINISHED_SECONDS


def cached_files(folder: Path | None) -> Iterator[tuple[Path, os.stat_result]]:
    """Every file below a folder of a cache; links are not followed."""
    for parent, _, names in os.walk(folder) if folder else ():
        for name in names:
            path = Path(parent, name)
            # Another process may just have removed it.
            with contextlib.suppress(OSError):
                yield path, path.lstat()
