"""Whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cifarcnn.files import write_atomically


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
