from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarcnn.errors import UsageError
from cifarcnn.evaluation_files import require_free, write_files


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "judged"
    require_free(folder)
    assert not list(folder.iterdir())


def test_all_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    for name in ("classes.png", "predictions.csv", "else.txt"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError) as caught:
        require_free(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds predictions.csv, classes.png already, and nothing is "
        "replaced. Name another folder with --out, or move them away first."
    )


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_cannot_be_written_is_told_beforehand(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError) as caught:
        require_free(tmp_path)
    assert str(caught.value) == f"'{tmp_path}' cannot be written: Permission denied"


def test_where_one_file_cannot_be_written_none_is_left(tmp_path: Path) -> None:
    (tmp_path / "b.png").mkdir()
    with pytest.raises(UsageError) as caught:
        write_files(tmp_path, {"a.svg": b"1", "b.png": b"2", "c.csv": b"3"})
    assert str(caught.value).startswith(
        f"'{tmp_path / 'b.png'}' cannot be written, and nothing is left in {tmp_path}: "
    )
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


@pytest.fixture
def full_disk(tmp_path: Path):
    """A file system of 256 kB."""
    folder = tmp_path / "full"
    folder.mkdir()
    size = "size=256k"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount).returncode:
        pytest.skip("a small file system can be mounted by root on Linux alone")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_becomes_full_keeps_none_of_the_files(full_disk: Path) -> None:
    require_free(full_disk)
    with pytest.raises(UsageError) as caught:
        write_files(full_disk, {"a.svg": b"1" * 1000, "b.png": b"2" * 300_000})
    assert str(caught.value) == (
        f"'{full_disk / 'b.png'}' cannot be written, and nothing is left in "
        f"{full_disk}: No space left on device"
    )
    assert not list(full_disk.iterdir())
