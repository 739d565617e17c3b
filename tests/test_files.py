"""Whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cifarcnn.errors import UsageError
from cifarcnn.files import (
    find_free_path,
    make_stem,
    os_error_as_usage_error,
    write_atomically,
)


def test_the_bytes_arrive_and_nothing_else_stays(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["file"]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a much longer old content")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_the_permissions_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "gone" / "file", b"")


def test_a_failure_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.mkdir()
    (target / "inside").write_bytes(b"old")
    with pytest.raises(OSError):
        write_atomically(target, b"new")  # a folder cannot be replaced by a file
    assert os.listdir(tmp_path) == ["file"]
    assert (target / "inside").read_bytes() == b"old"


def test_a_free_path_has_the_lowest_number_that_nothing_has(tmp_path: Path) -> None:
    assert find_free_path(tmp_path / "new", "a", ".png") == tmp_path / "new/a.png"
    (tmp_path / "a.png").touch()
    (tmp_path / "a-2.png").symlink_to("nowhere")
    (tmp_path / "a-4.png").touch()
    assert find_free_path(tmp_path, "a", ".png") == tmp_path / "a-3.png"
    assert find_free_path(tmp_path, "b", "", first="-1") == tmp_path / "b-1"
    assert find_free_path(tmp_path, "a", ".png", first="-1") == tmp_path / "a-1.png"


def test_a_stem_is_a_short_name_on_every_system() -> None:
    assert make_stem("-") == "standard-input"
    assert make_stem("a/test:17") == "test-17"
    assert make_stem('x/a*?"<>|\\b.png') == "a-------b"
    assert make_stem("a\x1b[2Jb") == "a-[2Jb"
    assert make_stem("a" * 300) == "a" * 100
    assert make_stem("") == "picture"
    assert make_stem("x/-rf.png") == "rf"
    assert make_stem("?-.png") == make_stem("./-") == "picture"


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError) as caught,
        os_error_as_usage_error("x cannot be written", ". Name another one."),
    ):
        (tmp_path / "file" / "x").write_text("")
    assert str(caught.value) == (
        "x cannot be written: Not a directory. Name another one."
    )
