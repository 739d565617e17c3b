from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cifarcnn.errors import DataError
from cifarcnn.inference.sources import Source, collect_sources


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "photos/b.JPG",
        "photos/a.png",
        "photos/notes.txt",
        "photos/.hidden.png",
        "photos/.thumbnails/e.png",
        "photos/deep/c.webp",
        "photos/deep/d.gif",
        "texts/readme.txt",
        "odd[1].png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def collect(entries: Sequence[str], notes: list[str] | None = None) -> list[Source]:
    noted = [] if notes is None else notes
    return list(collect_sources(entries, lambda: 20, noted.append))


def names(*entries: str) -> list[str]:
    return [source.name for source in collect(entries)]


def error(entry: str) -> str | None:
    (source,) = collect([entry])
    return source.error


def test_a_file_is_taken_whatever_it_is_called() -> None:
    (source,) = collect(["texts/readme.txt"])
    assert source == Source("texts/readme.txt", path=Path("texts/readme.txt"))


def test_a_missing_file_is_left_to_the_reader() -> None:
    assert names("nowhere.png") == ["nowhere.png"]
    assert error("nowhere.png") is None


def test_a_folder_gives_its_images_by_name_then_those_below() -> None:
    assert names("photos") == [
        os.path.join("photos", "a.png"),
        os.path.join("photos", "b.JPG"),
        os.path.join("photos", "deep", "c.webp"),
        os.path.join("photos", "deep", "d.gif"),
    ]


def test_a_folder_without_images_is_an_error() -> None:
    assert error("texts") == (
        "the folder holds no picture: no file in it ends in .png, .jpg, .jpeg, .jpe, "
        ".webp, .bmp, .gif."
    )


def test_a_pattern_gives_its_matches_sorted() -> None:
    assert names("photos/*.[pJ]*") == ["photos/a.png", "photos/b.JPG"]
    assert names("photos/**/*.webp") == ["photos/deep/c.webp"]
    assert names("p*s") == names("photos")


def test_two_stars_give_each_file_once() -> None:
    found = names("photos/**")
    assert len(found) == len(set(found)) == 5
    assert "photos/notes.txt" in found


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    assert error("*.tiff") == (
        "there is no such file, and as a pattern it matches none."
    )


def test_a_file_whose_name_looks_like_a_pattern_is_found() -> None:
    assert names("odd[1].png") == ["odd[1].png"]
    assert error("odd[1].png") is None


def test_the_order_and_repetitions_of_the_user_stay() -> None:
    given = ["photos/b.JPG", "photos/a.png", "photos/b.JPG", "-", "test:3", "-"]
    assert names(*given) == given


def test_standard_input_and_test_images_have_no_path() -> None:
    found = collect(["-", "test:17"])
    assert found == [Source("-"), Source("test:17", test_index=17)]


@pytest.mark.parametrize(
    "entry", ["test:", "test:x", "test:-1", "test:3-", "test:9999999999"]
)
def test_a_test_image_without_a_number_is_an_error(entry: str) -> None:
    assert error(entry) == (
        "after test: belongs the number of a picture of the test split, such as "
        "test:17, a range such as test:0-99, or * for all of them; numbers begin at 0."
    )


def test_a_file_called_like_a_test_image_is_reached_through_its_folder() -> None:
    Path("test:17").write_bytes(b"")
    (source,) = collect(["./test:17"])
    assert source.test_index is None and source.path == Path("test:17")


def test_a_range_of_test_images_is_one_source_for_each() -> None:
    assert collect(["test:9-11", "test:4-4"]) == [
        Source(f"test:{index}", test_index=index) for index in (9, 10, 11, 4)
    ]
    assert names("test:*") == [f"test:{index}" for index in range(20)]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("test:7-3", "the range ends before it begins; expected test:3-7."),
        ("test:0-20", "the test split has the pictures 0 to 19."),
        ("test:30-40", "the test split has the pictures 0 to 19."),
    ],
)
def test_a_range_that_is_none_is_one_error(entry: str, words: str) -> None:
    assert error(entry) == words


def test_the_test_split_is_counted_for_a_range_alone() -> None:
    def count() -> int:
        raise DataError("CIFAR-10 was not found.")

    entries = ["photos/a.png", "test:3", "test:0-1", "test:*"]
    found = list(collect_sources(entries, count, print))
    assert [source.error for source in found] == [
        *(None, None, "CIFAR-10 was not found.", "CIFAR-10 was not found.")
    ]


def test_an_empty_name_is_called_so() -> None:
    assert error("") == (
        "the name is empty; expected a file, a folder, a pattern, - or test:17. "
        "Perhaps a variable of the shell is not set."
    )


def test_what_a_folder_holds_besides_is_told(folder: Path) -> None:
    for name in ("x.tif", "y.TIF", "deep/z.avif", "README"):
        (folder / "photos" / name).write_bytes(b"")
    notes: list[str] = []
    assert len(collect(["photos"], notes)) == 4
    assert notes == [
        "photos: 5 files left out: 2 .tif, 1 without an ending, 1 .txt, 1 .avif"
    ]
    notes.clear()
    collect(["texts", "photos/*.png"], notes)
    assert notes == ["texts: 1 file left out: .txt"]


def link(place: str, target: str) -> None:
    try:
        Path(place).symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("this system refuses links")


def test_linked_folders_are_looked_into_once_after_the_others(folder: Path) -> None:
    outside = folder / "elsewhere" / "trip"
    outside.mkdir(parents=True)
    (outside / "z.png").write_bytes(b"")
    link("photos/a-trip", "../elsewhere/trip")
    link("photos/again", "../elsewhere/trip")
    link("photos/a-copy", "deep")
    before = ["photos/a.png", "photos/b.JPG", "photos/deep/c.webp", "photos/deep/d.gif"]
    assert names("photos") == [*before, "photos/a-trip/z.png"]
    assert names("photos/**/*.[!t]*") == [*before, "photos/a-trip/z.png"]
    # Named itself, a link is a folder like any other.
    assert names("photos/again") == ["photos/again/z.png"]


@pytest.mark.parametrize(
    "entry", ["photos", "photos/**/*.*", "photos/**", "**", "p*", "*", "photos/*"]
)
def test_a_loop_of_links_gives_no_file_twice(folder: Path, entry: str) -> None:
    link("photos/a-loop", ".")
    link("photos/deep/back", "../..")
    link("photos/deep/also", "..")
    found = [os.path.realpath(name) for name in names(entry)]
    assert len(found) == len(set(found))
    assert {os.path.basename(name) for name in found} >= {"a.png", "c.webp", "d.gif"}


def test_a_loop_of_links_changes_no_name(folder: Path) -> None:
    plain = {entry: names(entry) for entry in ("photos", "**", "photos/*.png", "**/d*")}
    link("photos/a-loop", ".")
    link("a-link", "photos")
    assert {entry: names(entry) for entry in plain} == plain


@pytest.mark.parametrize("entry", ["photos", "photos/**"])
def test_a_link_to_a_folder_above_is_not_followed(folder: Path, entry: str) -> None:
    before = names(entry)
    link("photos/deep/all", str(folder.parent))
    notes: list[str] = []
    assert [source.name for source in collect([entry], notes)] == before
    assert notes[0] == (
        "photos/deep/all is a link to a folder above and is not followed"
    )


def test_two_stars_name_folders_in_their_middle() -> None:
    assert names("**/deep") == names("photos/deep")
    assert names("photos/**/deep/*.gif") == ["photos/deep/d.gif"]
    assert names("./**/**/*.gif") == ["./photos/deep/d.gif"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs Unix permissions")
@pytest.mark.parametrize("entry", ["photos", "photos/**", "photos/**/*.gif"])
def test_a_folder_that_cannot_be_read_is_an_error(folder: Path, entry: str) -> None:
    (folder / "photos" / "closed").mkdir(mode=0)
    user = os.geteuid()
    folder.chmod(0o755)
    if user == 0:  # who may read anything
        os.seteuid(65534)
    try:
        *_, last = collect([entry])
    finally:
        os.seteuid(user)
    assert last == Source(
        "photos/closed", error="the folder cannot be read: Permission denied."
    )
