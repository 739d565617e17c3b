from __future__ import annotations

import os
from pathlib import Path

import pytest

from cifarcnn.errors import UsageError
from cifarcnn.page.output_path import (
    choose_gif_path,
    choose_output_path,
    make_stem,
    write_new,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("subject", "stem"),
    [
        ("photos/cat.png", "cat"),
        ("-", "standard-input"),
        ("test:17", "test-17"),
        ('a<b>"|?*.png', "a-b-----"),
        ("x" * 300 + ".png", "x" * 100),
        ("..", ".."),
        ("/", "picture"),
    ],
)
def test_a_name_is_made_from_the_image(subject: str, stem: str) -> None:
    assert make_stem(subject) == stem


def test_a_free_number_follows_where_the_name_is_taken(folder: Path) -> None:
    assert choose_output_path(None, "cat.png", "html") == Path("cat-explained.html")
    (folder / "cat-explained.html").touch()
    (folder / "cat-explained-2.html").symlink_to("nowhere")
    assert choose_output_path(None, "cat.png", "html") == Path("cat-explained-3.html")
    assert choose_output_path(None, "cat.png", "png") == Path("cat-explained")
    (folder / "cat-sliding.gif").touch()
    page = Path("cat-explained-3.html")
    assert choose_gif_path(None, page, "cat.png", "html") == Path("cat-sliding-2.gif")


def test_a_name_of_the_users_own_is_taken_as_it_is(folder: Path) -> None:
    out = Path("report.html")
    assert choose_output_path(out, "cat.png", "html") == out
    assert choose_gif_path(out, out, "cat.png", "html") == Path("report.gif")
    assert choose_output_path(Path("slides"), "cat.png", "png") == Path("slides")
    assert choose_gif_path(None, Path("slides"), "x", "png") == Path(
        "slides/sliding.gif"
    )
    (folder / "slides").mkdir()
    assert choose_output_path(Path("slides"), "cat.png", "png") == Path("slides")


def test_a_file_is_not_replaced(folder: Path) -> None:
    (folder / "report.html").touch()
    with pytest.raises(UsageError) as caught:
        choose_output_path(Path("report.html"), "cat.png", "html")
    assert str(caught.value) == (
        "report.html exists already, and nothing is replaced. Name another place with "
        "--out, or move it away first."
    )


def test_a_film_is_not_replaced(folder: Path) -> None:
    (folder / "report.gif").touch()
    out = Path("report.html")
    with pytest.raises(UsageError) as caught:
        choose_gif_path(out, out, "cat.png", "html")
    assert str(caught.value) == (
        "report.gif exists already, and nothing is replaced. Name another place with "
        "--out, or move it away first."
    )


def test_a_folder_is_not_filled_up(folder: Path) -> None:
    (folder / "slides").mkdir()
    (folder / "slides" / "mine.txt").touch()
    with pytest.raises(UsageError) as caught:
        choose_output_path(Path("slides"), "cat.png", "png")
    assert str(caught.value) == (
        "slides is a folder that is not empty, and nothing is replaced. Name another "
        "place with --out, or move it away first."
    )


def test_a_page_needs_the_name_of_a_file(folder: Path) -> None:
    (folder / "slides").mkdir()
    with pytest.raises(UsageError) as caught:
        choose_output_path(Path("slides"), "cat.png", "html")
    assert str(caught.value) == (
        "slides is a folder, but the page is a file. Name it, such as "
        f"--out {Path('slides/explained.html')}."
    )


def test_the_folder_of_a_page_must_be_there(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        choose_output_path(Path("nowhere/report.html"), "cat.png", "html")
    assert str(caught.value) == (
        "There is no folder nowhere to put report.html in. Make it first, or name "
        "another place with --out."
    )


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_may_not_be_written_to_is_told_at_once(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o500)
    with pytest.raises(UsageError) as caught:
        choose_output_path(Path("closed/report.html"), "cat.png", "html")
    assert str(caught.value) == (
        "The folder closed may not be written to. Name another place with --out."
    )


def test_a_file_is_kept_whole_in_a_new_folder(folder: Path) -> None:
    write_new(Path("slides/one.png"), b"one")
    assert (folder / "slides/one.png").read_bytes() == b"one"
    assert os.listdir(folder / "slides") == ["one.png"]


def test_a_name_that_was_taken_meanwhile_is_not_replaced(folder: Path) -> None:
    (folder / "report.html").write_text("mine")
    with pytest.raises(UsageError) as caught:
        write_new(Path("report.html"), b"other")
    assert str(caught.value) == (
        "report.html exists already, and nothing is replaced. Name another place with "
        "--out, or move it away first."
    )
    assert (folder / "report.html").read_text() == "mine"


def test_what_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(UsageError) as caught:
        write_new(Path("file/page.html"), b"x")
    assert str(caught.value) == (
        f"{Path('file/page.html')} cannot be written: File exists. Name another place "
        "with --out."
    )
