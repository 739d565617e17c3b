"""Images of one's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.dataset import open_dataset, open_source
from cifarcnn.data.folder import FolderSource
from cifarcnn.errors import DataError


def put(path: Path, colour: tuple[int, int, int] = (9, 9, 9), size: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), colour).save(path)


@pytest.fixture
def root(tmp_path: Path, fresh_cache: Path) -> Path:
    root = tmp_path / "mine"
    for number in range(4):
        put(root / "train" / "pear" / f"{number}.png", (0, 200, number))
    for number in range(3):
        put(root / "train" / "apple" / f"{number}.PNG", (200, 0, number))
    put(root / "test" / "pear" / "x.gif", (0, 200, 0))
    put(root / "test" / "apple" / "y.bmp", (200, 0, 0), size=32)
    (root / "train" / "pear" / "notes.txt").write_text("not a picture")
    (root / "train" / "pear" / ".hidden.png").write_text("not a picture")
    (root / "train" / ".trash").mkdir()
    return root


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset("folder", root)
    return str(caught.value)


def test_classes_are_sorted_and_images_in_order(root):
    dataset = open_dataset("folder", root)
    training, none = dataset.training(0, 0)
    assert none is None
    assert dataset.class_names == ("apple", "pear")
    assert training.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert training.images[:, 0, 0].tolist() == [
        [200, 0, 0], [200, 0, 1], [200, 0, 2],
        [0, 200, 0], [0, 200, 1], [0, 200, 2], [0, 200, 3],
    ]  # fmt: skip
    assert dataset.test().labels.tolist() == [0, 1]
    assert (dataset.name, dataset.origin) == ("folder", str(root))
    assert (dataset.official, dataset.notice) == (False, None)


def test_a_new_image_is_noticed(root):
    before = open_dataset("folder", root)
    assert open_dataset("folder", root).checksum == before.checksum
    put(root / "train" / "pear" / "9.jpg")
    after = open_dataset("folder", root)
    assert len(after.training(0, 0)[0]) == 8
    assert after.checksum != before.checksum


def test_without_a_test_folder_only_the_test_fails(root):
    for path in [
        *(root / "test").glob("*/*"),
        *(root / "test").glob("*"),
        root / "test",
    ]:
        path.unlink() if path.is_file() else path.rmdir()
    for _ in range(2):  # decoded, then from the cache
        dataset = open_dataset("folder", root)
        assert len(dataset.training(0, 0)[0]) == 7
        with pytest.raises(DataError) as caught:
            dataset.test()
        assert str(caught.value) == (
            f"{root} has no test pictures: expected a folder test beside train, with "
            "the same folder for each class."
        )


def test_unreadable_images_are_counted_and_the_first_are_shown(root):
    for number in range(6):
        (root / "train" / "pear" / f"bad{number}.png").write_bytes(b"")
    shown = "".join(
        f"\n  {root}/train/pear/bad{number}.png: the file is empty; expected a PNG, "
        "JPEG, WebP, BMP or GIF picture."
        for number in range(5)
    )
    assert refusal(root) == (
        f"{root} has pictures that cannot be read, 6 in all. Mend or remove them:"
        f"{shown}\n  and 1 more"
    )


def test_a_dangling_link_is_an_unreadable_image(root):
    (root / "test" / "pear" / "link.png").symlink_to(root / "nowhere")
    assert refusal(root) == (
        f"{root} has pictures that cannot be read, 1 in all. Mend or remove them:"
        f"\n  {root}/test/pear/link.png: there is no such file."
    )


def test_an_empty_folder_is_refused(tmp_path, fresh_cache):
    assert refusal(tmp_path) == (
        f"{tmp_path} is empty; expected train/<class>/<picture>."
    )


@pytest.mark.parametrize("count", [0, 1, 257])
def test_the_number_of_classes_has_bounds(tmp_path, fresh_cache, count):
    for number in range(count):
        (tmp_path / "train" / f"class{number}").mkdir(parents=True)
    (tmp_path / "train").mkdir(exist_ok=True)
    assert refusal(tmp_path) == (
        f"{tmp_path}/train has {count} class folders, expected 2 to 256: one folder of "
        "pictures for each class."
    )


def test_a_class_without_images_is_named(root):
    (root / "train" / "fig").mkdir()
    (root / "test" / "fig").mkdir()
    assert refusal(root) == (
        f"{root}/train/fig has no pictures; expected PNG, JPEG, WebP, BMP or GIF files."
    )


def test_other_classes_in_test_are_named(root):
    (root / "test" / "plum").mkdir()
    put(root / "valid" / "quince" / "1.png")
    assert refusal(root) == (
        f"{root}/valid has class folders for no class of the training: quince. The "
        "classes are apple, pear.\n"
        f"{root}/test has class folders for no class of the training: plum. The "
        "classes are apple, pear."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_a_class_whose_name_is_not_utf_8_is_refused(root):
    for split in ("train", "test"):
        pear = os.fsencode(root / split / "pear")
        os.rename(pear, pear[:-4] + b"caf\xe9")
    assert refusal(root) == (
        f"{root}/train has a class folder whose name is not UTF-8: 'caf\\udce9'. "
        "Rename it."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_the_way_to_the_images_may_be_of_any_bytes(root):
    moved = root.with_name(os.fsdecode(b"caf\xe9"))
    root.rename(moved)
    for _ in range(2):
        assert open_dataset("folder", moved).class_names == ("apple", "pear")


def test_a_validation_split_of_unequal_classes_is_cut_in_proportion(root):
    _, validation = open_dataset("folder", root).training(0.5, 1)
    assert np.bincount(validation.labels).tolist() == [2, 2]


def test_the_size_of_the_images_is_a_value(root):
    small = FolderSource(root, (16, 24, 3))
    assert open_source("folder", small).training(0, 0)[0].images.shape == (7, 16, 24, 3)
    assert open_source("folder", small).image_shape == (16, 24, 3)
    # The arrays of another size are not taken from the cache.
    assert open_dataset("folder", root).test().images.shape == (2, 32, 32, 3)
