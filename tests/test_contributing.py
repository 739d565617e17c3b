"""CONTRIBUTING.md fits one screen, and the files that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TO_FIND = [
    "learning-rate schedule",
    "EXIF",
    "receptive field",
    "resume",
    "mixup",
    "file lock",
    "label smoothing",
    "batch order",
    "top-k",
]
TO_ADD = [
    "a layer",
    "an optimizer",
    "a schedule",
    "an augmentation",
    "a metric",
    "a command",
    "a data set",
    "a published network",
    "a tracker",
    "an export format",
]


def paths(text: str) -> list[str]:
    """What looks like a file or a folder; in the tables, one of the package."""
    return re.findall(r"`([\w.]+/[\w./]*|\w+\.(?:py|md|toml))`", text)


def rows() -> dict[str, str]:
    found = re.findall(r"^\| ([^|]+) \| (.+) \|$", TEXT, re.MULTILINE)
    return dict(found)


def test_it_fits_one_screen() -> None:
    assert len(TEXT.encode()) <= 4_000


def test_every_path_exists() -> None:
    found = paths(TEXT)
    assert len(found) > 20
    missing = [
        path
        for path in found
        if not (ROOT / path).exists() and not (ROOT / "cifarcnn" / path).exists()
    ]
    assert missing == []


def test_the_map_leads_to_each_thing_and_each_addition() -> None:
    assert list(rows()) == [*TO_FIND, *TO_ADD]
    assert all(paths(rows()[thing]) for thing in TO_FIND)


def test_nothing_takes_more_than_three_files_to_add() -> None:
    for thing in TO_ADD:
        row = rows()[thing]
        more = row.count(" a file ") + row.startswith("a file ")
        named = [path for path in paths(row) if more == 0 or path.endswith(".py")]
        assert 1 <= len(named) + more <= 3, thing
