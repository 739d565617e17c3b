"""Which images are for training, for validation and for the test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cifarcnn.data.folder.layout import find_layout


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


@pytest.mark.parametrize("name", ["validation", "val", "valid"])
def test_the_splits_of_a_folder_and_what_is_not_used(tmp_path, name):
    for folder in ("train", "test", name, "labels", "Val2", ".git"):
        touch(tmp_path / folder / "oak" / "1.png")
    touch(tmp_path / "cover.png", tmp_path / "data.yaml")
    layout = find_layout(tmp_path, 0.1)
    assert [split.path.name for split in layout.splits] == ["train", name, "test"]
    assert layout.validation is layout.validations[0]
    assert layout.unused == ("Val2", "labels")
    assert layout.stray_images == 1


def test_a_folder_that_is_not_there_has_no_splits(tmp_path):
    assert find_layout(tmp_path / "nowhere", 0.1).splits == ()


def test_capitals_in_the_name_of_a_split_do_not_matter(tmp_path):
    touch(tmp_path / "TRAIN" / "oak" / "1.png", tmp_path / "Val" / "oak" / "2.png")
    touch(tmp_path / "Test" / "oak" / "3.png")
    layout = find_layout(tmp_path, 0.1)
    assert [name for split in layout.splits for name in split.image_names()] == [
        "TRAIN/oak/1.png", "Val/oak/2.png", "Test/oak/3.png"
    ]  # fmt: skip
    assert layout.unused == ()


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that differ in case")
def test_of_two_that_differ_in_capitals_the_small_one_counts(tmp_path):
    touch(tmp_path / "train" / "oak" / "1.png", tmp_path / "Train" / "oak" / "2.png")
    layout = find_layout(tmp_path, 0.1)
    assert layout.train.image_names() == ["train/oak/1.png"]
    assert layout.unused == ("Train",)


def test_what_macos_puts_into_archives_is_no_class(tmp_path):
    touch(tmp_path / "train" / "oak" / "1.png", tmp_path / "train" / "oak" / "._1.png")
    touch(tmp_path / "train" / "__MACOSX" / "._oak", tmp_path / "__MACOSX" / "._train")
    layout = find_layout(tmp_path, 0.1)
    assert list(layout.train.images) == ["oak"]
    assert layout.train.described_left_out == "2 files left out: hidden"
    assert layout.unused == ()
