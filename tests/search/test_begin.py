"""Which folder of a study the same command finds again, and what it passes over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.search.conftest import RATE, begin, write_tiny


@pytest.fixture(autouse=True)
def _tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)


def make_empty(file: Path) -> None:
    file.write_text("")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def fill_with_text(file: Path) -> None:
    file.write_text("not JSON")


def write_as_another_version(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "more": 1}))


def make_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "damage",
    [make_empty, cut, fill_with_text, write_as_another_version, make_a_folder],
)
def test_a_damaged_one_is_passed_over_and_named(
    call: Callable[..., Any], damage: Callable[[Path], None]
):
    begun = begin()
    damage(begin(("training.batch_size=8,16",)).path / "search.json")
    notes: list[str] = []
    assert begin(note=notes.append) == begun
    told = (
        "runs/tiny-search-2/search.json is damaged, or of another version of cifarcnn. "
        "Restore it from a copy; the runs in runs/tiny-search-2/trials are ordinary "
        "ones."
    )
    assert notes == [f"runs/tiny-search-2 is passed over: {told}"]
    other = begin(("training.batch_size=4,8",), note=notes.append)
    assert (str(other.path), len(notes)) == ("runs/tiny-search-3", 2)

    resumed = call("search", "--resume", "runs/tiny-search-2")
    assert (resumed.code, resumed.err) == (1, f"error: {told}\n")


def test_of_several_the_one_of_the_largest_number_goes_on():
    first = begin()
    for number in (2, 10):
        Path("runs", f"tiny-search-{number}").mkdir()
        for file in ("search.json", "base.yaml"):
            content = (first.path / file).read_bytes()
            Path("runs", f"tiny-search-{number}", file).write_bytes(content)
    assert str(begin((RATE,)).path) == "runs/tiny-search-10"
