from __future__ import annotations

import os
from pathlib import Path

import pytest

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


def names(*entries: str) -> list[str]:
    return [source.name for source in collect_sources(entries)]


def error(entry: str) -> str | None:
    (source,) = collect_sources([entry])
    return source.error


def test_a_file_is_taken_whatever_it_is_called() -> None:
    (source,) = collect_sources(["texts/readme.txt"])
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
    found = list(collect_sources(["-", "test:17"]))
    assert found == [Source("-"), Source("test:17", test_index=17)]


@pytest.mark.parametrize("entry", ["test:", "test:x", "test:-1", "test:9999999999"])
def test_a_test_image_without_a_number_is_an_error(entry: str) -> None:
    assert error(entry) == (
        "after test: belongs the number of a picture of the test split, such as "
        "test:17; numbers begin at 0."
    )


def test_a_file_called_like_a_test_image_is_reached_through_its_folder() -> None:
    Path("test:17").write_bytes(b"")
    (source,) = collect_sources(["./test:17"])
    assert source.test_index is None and source.path == Path("test:17")
