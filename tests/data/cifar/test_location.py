"""Where CIFAR is looked for, and what is said when it is nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarcnn.data.cifar.facts import CIFAR10, CIFAR100
from cifarcnn.data.cifar.location import cache_folder, find_cifar
from cifarcnn.data.dataset import open_dataset
from cifarcnn.errors import DataError

FETCH = (
    "{way}\n"
    "By hand: fetch https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz "
    "(170,052,171 bytes, "
    "sha256 c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd) and "
    "put it {target}, unopened; or say where it lies with data.path or the "
    "environment variable CIFARCNN_DATA; or bring what you have, in any form: "
    "cifarcnn data import PATH\n"
    "dataset: synthetic needs no download."
)
HERE = FETCH.replace("{way}", "Fetch it with: cifarcnn data fetch cifar10").replace(
    "{target}", "into {target}"
)
THERE = FETCH.replace("{way}", "Bring it with: cifarcnn data import {path}").replace(
    "{target}", "there"
)
LOOKED = (
    "CIFAR-10 was not found. Looked for cifar-10-batches-bin/, cifar-10-batches-py/, "
    "cifar-10-binary.tar.gz or cifar-10-python.tar.gz in:"
)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """$CIFARCNN_DATA, the user's cache folder, Keras's folder; none exists yet."""
    monkeypatch.setenv("CIFARCNN_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return [tmp_path / "named", tmp_path / "cache", tmp_path / "keras" / "datasets"]


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    "layout", [*CIFAR10.layouts, *CIFAR100.layouts], ids=lambda layout: layout.folder
)
def test_folder_its_parent_and_the_archive_are_found(tmp_path, layout):
    cifar = CIFAR10 if layout in CIFAR10.layouts else CIFAR100
    folder = put(tmp_path / "a" / layout.folder / layout.test.name).parent
    archive = put(tmp_path / "b" / layout.archive.name)
    for given, path, packed in [
        (folder, folder, False),
        (folder.parent, folder, False),
        (archive, archive, True),
        (archive.parent, archive, True),
    ]:
        place = find_cifar(cifar, given)
        assert (place.layout, place.path, place.packed) == (layout, path, packed)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_usual_places_are_looked_into(places, number):
    archive = put(places[number] / "cifar-10-python.tar.gz")
    assert find_cifar(CIFAR10, None).path == archive


def test_the_first_place_wins(places):
    for place in places:
        put(place / "cifar-10-binary.tar.gz")
    assert find_cifar(CIFAR10, None).path.parent == places[0]


@pytest.mark.parametrize(
    ("file", "packed"),
    [
        ("cifar-10-batches-py-target/cifar-10-batches-py/data_batch_1", False),
        ("cifar-10-batches-py/data_batch_1", False),
        ("cifar-10-batches-py-target_archive", True),
        ("cifar-10-batches-py.tar.gz", True),
    ],
)
def test_what_keras_fetched_is_found(places, file, packed):
    path = put(places[2] / file)
    place = find_cifar(CIFAR10, None)
    assert place.path == (path if packed else path.parent)
    assert (place.layout.kind, place.packed) == ("python", packed)


def test_a_folder_goes_before_an_archive_and_binary_before_pickles(tmp_path):
    put(tmp_path / "cifar-10-binary.tar.gz")
    pickles = put(tmp_path / "cifar-10-batches-py" / "test_batch").parent
    assert find_cifar(CIFAR10, tmp_path).path == pickles
    binary = put(tmp_path / "cifar-10-batches-bin" / "test_batch.bin").parent
    assert find_cifar(CIFAR10, tmp_path).path == binary


def test_nothing_found_says_where_and_what_to_fetch(places):
    places[1].mkdir()
    with pytest.raises(DataError) as caught:
        find_cifar(CIFAR10, None)
    assert str(caught.value) == (
        f"{LOOKED}\n  {places[0]} (does not exist)\n  {places[1]}\n"
        f"  {places[2]} (does not exist)\n" + HERE.format(target=places[1])
    )


def test_the_cache_folder_may_begin_with_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CIFARCNN_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"


def test_the_home_of_nobody_is_a_place_that_does_not_exist(monkeypatch, places):
    monkeypatch.setenv("CIFARCNN_DATA", "~nobody-here/named")
    monkeypatch.setenv("KERAS_HOME", "~nobody-here/keras")
    with pytest.raises(DataError) as caught:
        find_cifar(CIFAR10, None)
    assert str(caught.value).startswith(
        f"{LOOKED}\n  ~nobody-here/named (does not exist)\n  {places[1]} (does not "
        "exist)\n  ~nobody-here/keras/datasets (does not exist)\n"
    )
    with pytest.raises(DataError) as caught:
        open_dataset("cifar10", "~nobody-here/given")
    assert str(caught.value).startswith(
        f"{LOOKED}\n  ~nobody-here/given (does not exist)\n"
    )


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs to become another user"
)
def test_a_user_without_a_home_must_name_a_place():
    home = ("HOME", "XDG_CACHE_HOME", "CIFARCNN_CACHE", "KERAS_HOME")
    environment = {name: text for name, text in os.environ.items() if name not in home}
    # Imported before: another user may have no way to the package.
    script = (
        "import os, platformdirs.unix, cifarcnn.data.cifar.location as l\n"
        "os.setuid(54321)\n"
        "try: print(len(l.usual_folders()))\n"
        "except l.DataError as error: print(error)\n"
    )

    def call(**more):
        ended = subprocess.run(
            [sys.executable, "-c", script],
            env=environment | more,
            capture_output=True,
            text=True,
        )
        assert ended.stderr == ""
        return ended.stdout

    assert call() == (
        "This user has no home folder, where data could be kept. Name a folder with "
        "the environment variable CIFARCNN_CACHE.\n"
    )
    assert call(CIFARCNN_CACHE="/somewhere", CIFARCNN_DATA="") == "2\n"


def test_a_given_path_is_the_only_one_looked_at(places, tmp_path):
    put(places[0] / "cifar-10-binary.tar.gz")
    other = put(tmp_path / "other.tgz")
    with pytest.raises(DataError) as caught:
        find_cifar(CIFAR10, other)
    assert str(caught.value) == (
        f"{LOOKED}\n  {other} (a file of another name)\n" + THERE.format(path=other)
    )


def test_a_folder_that_was_given_is_where_it_would_be_fetched_to(tmp_path):
    with pytest.raises(DataError) as caught:
        find_cifar(CIFAR100, tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[2] == f"Fetch it with: cifarcnn data fetch cifar100 --to {tmp_path}"
