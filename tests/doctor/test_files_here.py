from __future__ import annotations

import os
from pathlib import Path

import pytest

from cifarcnn.data.cifar.facts import CIFAR10, Layout
from cifarcnn.doctor.files_here import (
    clear_caches,
    describe_caches,
    examine_browser,
    examine_caches,
    examine_data_sets,
)
from cifarcnn.doctor.section import Finding

RECORD_BYTES = CIFAR10.record_bytes


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with nothing at all."""
    monkeypatch.delenv("CIFARCNN_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(folder: Path, layout: Layout = CIFAR10.binary) -> Path:
    """Files of the right names and sizes, which are all that is looked at."""
    folder.mkdir(parents=True)
    for file in layout.data_files:
        with (folder / file.name).open("wb") as opened:
            opened.truncate(file.images * RECORD_BYTES)
    (folder / layout.names_file).touch()
    return folder


def test_without_data_the_folders_and_the_way_to_it_are_named(home: Path) -> None:
    section = examine_data_sets()
    cache, keras = home / ".cache/cifarcnn", home / ".keras/datasets"
    assert section.facts == {
        "cifar10": [],
        "cifar100": [],
        "folders": [str(cache), str(keras)],
    }
    assert section.lines == [
        ("CIFAR-10", "not here; cifarcnn data fetch cifar10 brings it"),
        ("CIFAR-100", "not here; cifarcnn data fetch cifar100 brings it"),
        ("looked in", f"{cache}, {keras}"),
    ]
    assert section.findings == []


def test_every_copy_is_listed_the_one_that_is_used_first(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARCNN_DATA", str(home / "data"))
    first = write(home / "data" / CIFAR10.python.folder, CIFAR10.python)
    archive = home / ".cache/cifarcnn" / CIFAR10.binary.archive.name
    archive.parent.mkdir(parents=True)
    with archive.open("wb") as opened:
        opened.truncate(CIFAR10.binary.archive.size)
    section = examine_data_sets()
    assert section.facts["cifar10"] == [
        {
            "path": str(first),
            "form": "folder",
            "layout": "python",
            "complete": True,
            "problem": None,
        },
        {
            "path": str(archive),
            "form": "archive",
            "layout": "binary",
            "complete": True,
            "problem": None,
        },
    ]
    assert section.lines[:2] == [
        ("CIFAR-10", f"{first} (folder, all files there)"),
        ("also", f"{archive} (archive, all there by its size)"),
    ]
    os.truncate(archive, 99_000_000)
    section = examine_data_sets()
    assert section.facts["cifar10"][1]["complete"] is None
    assert section.lines[1] == (
        "also",
        f"{archive} (archive of 99 MB, the official one has 170 MB; reading it will "
        "tell)",
    )
    assert section.findings == []


def test_a_folder_that_lacks_files_is_to_be_moved_away(home: Path) -> None:
    folder = write(home / ".keras/datasets/my data" / CIFAR10.binary.folder)
    folder = folder.rename(home / ".keras/datasets" / CIFAR10.binary.folder)
    (folder / "data_batch_3.bin").unlink()
    problem = f"{folder} lacks data_batch_3.bin. Get it again."
    command = f"mv ~/{folder.relative_to(home)} ~/{folder.relative_to(home)}.incomplete"
    assert examine_data_sets().findings == [Finding(problem, command)]
    write(home / "whole")
    os.rename(home / "whole/data_batch_3.bin", folder / "data_batch_3.bin")
    os.truncate(folder / "data_batch_3.bin", 1000)
    found = examine_data_sets()
    assert found.facts["cifar10"][0]["complete"] is False
    assert found.findings[0].message == (
        f"{folder / 'data_batch_3.bin'} is cut short: it has 1,000 bytes, expected "
        "30,730,000. Get it again."
    )


def test_a_user_without_a_home_is_told_what_to_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifarcnn.caches.own_folder", lambda kind: None)
    sentence = (
        "This user has no home folder, where data could be kept. Name a folder with "
        "the environment variable CIFARCNN_CACHE."
    )
    assert examine_data_sets().findings == [Finding(sentence)]
    section = examine_caches()
    assert section.facts == [
        {"name": "decoded", "path": None, "size_bytes": 0},
        {"name": "compiled", "path": None, "size_bytes": 0},
        {"name": "features", "path": None, "size_bytes": 0},
    ]
    assert section.lines == [
        ("", "none: this user has no home folder; CIFARCNN_CACHE names one")
    ]
    clear_caches()


def test_caches_are_measured_and_emptied_and_what_a_user_put_there_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = home / "cache"
    monkeypatch.setenv("CIFARCNN_CACHE", str(cache))
    key = cache / "decoded/cifar10-0123456789abcdef"
    compiled = cache / "compiled"
    mine = [
        cache / CIFAR10.binary.archive.name,
        cache / "cifar-10-batches-bin/data_batch_1.bin",
        cache / "decoded/notes.txt",
        cache / "features/of-mine.npy",
        cache / "decoded/my-pictures/index.json",
    ]
    made = [key / "index.json", key / "training-images.npy", key / ".index.json.x.tmp"]
    made += [compiled / "jax-0.9.0-0123456789ab/jit_step-1234-cache"]
    features = f"features/{'a' * 32}-{'b' * 64}.npy"
    made += [cache / features, cache / f"features/.{'a' * 32}.0123456789ab.tmp"]
    for path in (*mine, *made):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
        os.utime(path, (1000, 1000))
    outside = home / "outside"
    outside.mkdir()
    (outside / "index.json").write_text("mine")
    (cache / "decoded/cifar10-fedcba9876543210").symlink_to(outside)
    section = examine_caches()
    assert section.facts == [
        {"name": "decoded", "path": str(cache / "decoded"), "size_bytes": 3000},
        {"name": "compiled", "path": str(cache / "compiled"), "size_bytes": 1000},
        {"name": "features", "path": str(cache / "features"), "size_bytes": 2000},
    ]
    assert section.lines == [
        ("decoded images", f"3 kB in {cache / 'decoded'}"),
        ("compiled programs", f"1 kB in {cache / 'compiled'}"),
        ("computed features", f"2 kB in {cache / 'features'}"),
        ("to empty them", "cifarcnn doctor --clear-caches"),
    ]
    assert clear_caches() == []
    assert [path for path in made if path.exists()] == []
    assert [path for path in mine if not path.exists()] == []
    assert (outside / "index.json").read_text() == "mine"
    assert examine_caches().lines == describe_caches()


def test_the_browser_is_one_that_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifarcnn.html.browser._BROWSERS", ("chromium",))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert examine_browser().facts is None
    (tmp_path / "chromium").write_text("#!/bin/sh\n")
    (tmp_path / "chromium").chmod(0o755)
    assert examine_browser().facts == str(tmp_path / "chromium")
