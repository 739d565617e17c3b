"""What lies in a folder of one's own images, and what is left out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cifarcnn.data.folder.class_folders import (
    IMAGE_SUFFIXES,
    describe_left_out,
    list_class_folders,
)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def names(folder: Path) -> dict[str, list[str]]:
    images = list_class_folders(folder).images
    return {name: [entry.name for entry in found] for name, found in images.items()}


def test_the_ending_decides_whatever_its_case(tmp_path):
    touch(*(tmp_path / "oak" / f"a{suffix}" for suffix in IMAGE_SUFFIXES))
    touch(tmp_path / "oak" / "B.JPG", tmp_path / "elm" / "c.JpE")
    assert names(tmp_path) == {
        "elm": ["c.JpE"],
        "oak": [
            *("B.JPG", "a.bmp", "a.gif", "a.jpe"),
            *("a.jpeg", "a.jpg", "a.png", "a.webp"),
        ],
    }


def test_what_is_left_out_is_counted_by_ending(tmp_path):
    touch(*(tmp_path / "oak" / f"{number}.tif" for number in range(4)))
    touch(*(tmp_path / "elm" / f"{number}.HEIC" for number in range(2)))
    touch(tmp_path / "elm" / "Thumbs.db", tmp_path / "elm" / ".DS_Store")
    touch(tmp_path / "elm" / "README", tmp_path / "elm" / "._1.png")
    touch(tmp_path / "elm" / "old" / "1.png", tmp_path / "elm" / "more" / "1.png")
    touch(tmp_path / "9.png", tmp_path / "labels.csv")
    listed = list_class_folders(tmp_path)
    assert listed.count == 0
    assert listed.described_left_out == (
        "12 files left out: 4 .tif, 2 hidden, 2 .heic, 1 in no class folder, 1 .csv, 1 "
        "without an ending, 1 .db; 2 folders in class folders are not read"
    )
    assert describe_left_out(listed.left_out["oak"]) == "4 files left out: .tif"


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        ({}, ""),
        ({".avif": 1}, "1 file left out: .avif"),
        ({".tif": 2000}, "2,000 files left out: .tif"),
        ({"nested folders": 1}, "1 folder in a class folder is not read"),
    ],
)
def test_the_sentence_on_what_is_left_out(left_out, sentence):
    assert describe_left_out(Counter(left_out)) == sentence


def test_a_linked_folder_and_a_linked_image_are_followed(tmp_path):
    touch(tmp_path / "elsewhere" / "1.png", tmp_path / "store" / "2.png")
    touch(tmp_path / "train" / "oak" / "3.png")
    (tmp_path / "train" / "elm").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "train" / "oak" / "2.png").symlink_to(tmp_path / "store" / "2.png")
    assert names(tmp_path / "train") == {"elm": ["1.png"], "oak": ["2.png", "3.png"]}
    assert list_class_folders(tmp_path / "train").described_left_out == ""


def test_no_link_gives_an_image_twice(tmp_path):
    touch(tmp_path / "oak" / "1.png", tmp_path / "oak" / "2.png")
    (tmp_path / "ash").symlink_to(tmp_path / "oak")
    (tmp_path / "elm").mkdir()
    (tmp_path / "elm" / "1.png").symlink_to(tmp_path / "oak" / "1.png")
    (tmp_path / "elm" / "outside.png").symlink_to(__file__)
    (tmp_path / "oak" / "0.png").symlink_to(__file__)
    assert names(tmp_path) == {
        "elm": ["outside.png"],
        "oak": ["1.png", "2.png"],
    }
    assert list_class_folders(tmp_path).described_left_out == (
        "3 files left out: linked twice"
    )


def test_a_loop_of_links_ends(tmp_path):
    train = tmp_path / "train"
    touch(train / "oak" / "1.png", train / "elm" / "2.png")
    (train / "again").symlink_to(train)
    (train / "above").symlink_to(tmp_path)
    (train / "itself").symlink_to(train / "itself")
    (train / "oak" / "again").symlink_to(train / "oak")
    assert names(train) == {"elm": ["2.png"], "oak": ["1.png"]}
    assert list_class_folders(train).described_left_out == (
        "3 files left out: 2 linked twice, 1 without an ending; 1 folder in a class "
        "folder is not read"
    )


def test_a_link_that_leads_nowhere_stays_an_image_that_reading_complains_of(tmp_path):
    touch(tmp_path / "oak" / "1.png")
    for name in ("a.png", "b.png"):
        (tmp_path / "oak" / name).symlink_to(tmp_path / "nowhere")
    assert names(tmp_path) == {"oak": ["1.png", "a.png", "b.png"]}


def test_numpy_and_pillow_stay_out():
    code = (
        "import sys, cifarcnn.data.folder.layout, cifarcnn.data.folder.problems\n"
        "print(sorted({'numpy', 'PIL', 'pydantic'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything"
)
def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    from cifarcnn.errors import DataError

    (tmp_path / "oak").mkdir(mode=0)
    with pytest.raises(DataError) as caught:
        list_class_folders(tmp_path)
    (tmp_path / "oak").chmod(0o700)
    assert str(caught.value) == f"{tmp_path}/oak cannot be read: Permission denied."
