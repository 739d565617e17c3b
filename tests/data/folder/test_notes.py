"""What a user is told of a folder of images: left out, cropped, there twice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.config import Config
from cifarcnn.data.dataset import Dataset, open_config_dataset
from cifarcnn.data.decoded_cache import DecodedStore


def draw(path: Path, seed: int, width: int = 32, height: int = 32) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path: Path, fresh_cache: Path) -> Path:
    """Two classes; every image is another one."""
    root = tmp_path / "trees"
    for number, (split, name) in enumerate(
        (split, name) for split in ("train", "test") for name in ("elm", "oak")
    ):
        for index in range(3):
            draw(root / split / name / f"{index}.png", 10 * number + index)
    return root


def config_of(root: Path | None, **data: object) -> Config:
    """Of a folder where nothing is cut for validation, unless ``data`` says so."""
    place = {"dataset": "folder", "path": str(root)} if root else {}
    data = {"validation_fraction": 0, **place, **data}
    layers = ["Flatten", {"Dense": {"units": 2 if root else 10}}]
    return Config.model_validate({"data": data, "model": {"layers": layers}})


def notes(root: Path, **data: object) -> tuple[list[str], list[str]]:
    """Those of training and of test, told twice alike: read, then from the cache."""
    found = []
    config = config_of(root, **data)
    for _ in range(2):
        dataset = open_config_dataset(config)
        found.append((dataset.training_notes(config), dataset.test_notes(config)))
    assert found[0] == found[1]
    return found[0]


def test_of_images_as_they_should_be_there_is_nothing_to_say(root):
    assert notes(root) == ([], [])
    config = config_of(None, dataset="synthetic")
    assert open_config_dataset(config).training_notes(config) == []
    assert open_config_dataset(config).test_notes(config) == []


def test_what_is_left_out_is_told_of_each_split(root):
    for number in range(5):
        (root / "train" / "oak" / f"{number}.tif").write_bytes(b"II*\0")
    (root / "train" / "elm" / "notes.txt").write_text("planted in 1971")
    (root / "test" / "elm" / "1.avif").write_bytes(b"")
    for number in range(7):
        draw(root / f"poplars{number}" / "1.png", 99)
    draw(root / "cover.png", 98)
    assert notes(root) == (
        [
            "folders beside train that are not used: poplars0, poplars1, poplars2, "
            "poplars3, poplars4 and 2 more",
            "pictures beside train that are not used: 1",
            "train: 6 files left out: 5 .tif, 1 .txt",
        ],
        ["test: 1 file left out: .avif"],
    )


def test_what_is_left_out_is_not_kept_in_the_cache(root):
    assert notes(root) == ([], [])
    (root / "train" / "oak" / "new.tif").write_bytes(b"")
    assert notes(root) == (["train: 1 file left out: .tif"], [])


def test_how_many_images_are_cropped_and_how_much(root):
    draw(root / "train" / "elm" / "wide.png", 50, width=96)
    draw(root / "train" / "elm" / "high.png", 51, height=40)
    draw(root / "test" / "oak" / "almost.png", 52, width=1000, height=999)
    sideways = Image.Exif()
    sideways[0x0112] = 6
    Image.new("RGB", (64, 32)).save(root / "test" / "oak" / "a.jpg", exif=sideways)
    assert notes(root) == (
        [
            "train: 2 of 8 pictures are not square: the middle is used, 67% cropped at "
            "most"
        ],
        [
            "test: 2 of 8 pictures are not square: the middle is used, 50% cropped at "
            "most"
        ],
    )


def test_how_many_colour_profiles_were_left_out(root):
    for split, count in (("train", 2), ("test", 1)):
        for number in range(count):
            path = root / split / "oak" / f"{number}.png"
            Image.open(path).save(path, icc_profile=b"no profile")
    sentence = "its colour profile is damaged and was left out"
    assert notes(root) == (
        [f"train: 2 of 6 pictures: {sentence}"],
        [f"test: 1 of 6 pictures: {sentence}"],
    )


def test_of_a_shape_that_is_not_square_its_proportions_count(root):
    for path in root.rglob("*.png"):
        draw(path, len(path.parent.name) + int(path.stem), width=48)
    shutil.copy(root / "train" / "elm" / "0.png", root / "train" / "oak" / "x.png")
    draw(root / "train" / "oak" / "y.png", 60)
    found, _ = notes(root, image_size=[16, 24])
    assert found[0] == (
        "train: 1 of 8 pictures are not of the shape 24x16: the middle is used, 33% "
        "cropped at most"
    )
    assert "(the same 24x16 pixels)" in found[1]


def test_the_same_pixels_in_train_and_test_are_named(root):
    for index in range(3):
        # The same pixels from other bytes.
        image = Image.open(root / "train" / "elm" / f"{index}.png")
        image.save(root / "test" / "elm" / f"copy{index}.bmp")
    shutil.copy(root / "train" / "oak" / "2.png", root / "test" / "elm" / "z.png")
    assert notes(root) == (
        [],
        [
            "4 of the 10 pictures in test are in train too (the same 32x32 pixels): "
            "test/elm/copy0.bmp is train/elm/0.png, test/elm/copy1.bmp is "
            "train/elm/1.png, test/elm/copy2.bmp is train/elm/2.png and 1 more"
        ],
    )


def test_the_same_pixels_in_a_validation_folder_are_named(root):
    draw(root / "valid" / "elm" / "1.png", 70)
    shutil.copy(root / "train" / "oak" / "0.png", root / "valid" / "elm" / "2.png")
    shutil.copy(root / "valid" / "elm" / "1.png", root / "test" / "oak" / "9.png")
    assert notes(root) == (
        [
            f"the 2 validation pictures are those of {root}/valid; nothing is cut from "
            "train (data.validation_fraction)",
            "valid has no pictures of oak",
            "1 of the 2 pictures in valid are in train too (the same 32x32 pixels): "
            "valid/elm/2.png is train/oak/0.png",
        ],
        [
            "1 of the 7 pictures in test are in valid too (the same 32x32 pixels): "
            "test/oak/9.png is valid/elm/1.png"
        ],
    )


def test_an_image_that_is_twice_in_train_is_named_other_classes_first(root):
    train = root / "train"
    shutil.copy(train / "elm" / "0.png", train / "elm" / "3.png")
    shutil.copy(train / "elm" / "1.png", train / "oak" / "9.png")
    assert notes(root)[0] == [
        "1 picture in train is in two classes (the same 32x32 pixels): "
        "train/oak/9.png is train/elm/1.png",
        "1 of the 8 pictures in train repeat an earlier one (the same 32x32 pixels): "
        "train/elm/3.png is train/elm/0.png",
    ]


def test_the_classes_without_test_images_are_named(root):
    shutil.rmtree(root / "test" / "oak")
    assert notes(root) == ([], ["test has no pictures of oak"])


def test_a_validation_folder_without_images_is_named(root):
    (root / "val" / "elm").mkdir(parents=True)
    (root / "val" / "elm" / "1.tif").write_bytes(b"")
    assert notes(root)[0] == [
        "val: 1 file left out: .tif",
        f"{root}/val has no pictures: validation is cut from train",
    ]
    assert open_config_dataset(config_of(root)).training(0.4, 0)[1] is not None


def test_the_notes_on_the_training_do_not_open_the_test_images(root, monkeypatch):
    shutil.copytree(root / "train", root / "test", dirs_exist_ok=True)

    def refuse(self: object) -> None:
        raise RuntimeError("the test split was opened")

    monkeypatch.setattr(Dataset, "test", refuse)
    monkeypatch.setattr(DecodedStore, "test", refuse)
    for _ in range(2):
        config = config_of(root)
        assert open_config_dataset(config).training_notes(config) == []


@pytest.mark.skipif(os.name == "nt", reason="needs names of any bytes")
def test_a_name_that_is_not_utf_8_is_told_all_the_same(root):
    odd = root / "test" / "elm" / os.fsdecode(b"caf\xe9.png")
    shutil.copy(root / "train" / "elm" / "0.png", odd)
    assert notes(root)[1] == [
        "1 of the 7 pictures in test are in train too (the same 32x32 pixels): "
        "test/elm/caf\udce9.png is train/elm/0.png"
    ]


def test_a_test_folder_without_class_folders_is_named(root):
    shutil.rmtree(root / "test")
    for number in range(4):
        draw(root / "test" / f"{number}.png", number)
    assert notes(root) == (
        [],
        [
            "test: 4 files left out: in no class folder",
            f"{root}/test has no pictures in class folders",
        ],
    )
