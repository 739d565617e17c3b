from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.dataset import Dataset

SYNTHETIC = ("--set", "data.dataset=synthetic")
FLIP = ("--set", "data.augmentation=[{RandomFlip: {alternate: true}}]")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def grid(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def test_what_is_there_and_the_images_of_every_class(folder, call):
    called = call("data", "show", *SYNTHETIC, "--set", "data.validation_fraction=0.1")
    assert called.code == 0
    lines = called.out.splitlines()
    assert lines[:3] == [
        "data set: synthetic, 10 classes",
        "origin: drawn by code",
        "official files: no",
    ]
    assert lines[3].startswith("checksum: ") and len(lines[3]) == 10 + 64
    assert lines[4:7] == [
        "note: these are synthetic pictures drawn by code, not CIFAR-10",
        "training pictures: 9,000; for validation: 1,000",
        "",
    ]
    assert lines[7] == "class       training pictures  for validation"
    assert lines[8] == "airplane                  900             100"
    assert lines[17] == "truck                     900             100"
    assert lines[18:] == ["", "pictures: article-pictures-1.png"]
    # Ten rows of twelve images.
    assert grid(folder / "article-pictures-1.png").shape[0] == 4 + 10 * 68


def test_an_augmented_grid_has_the_image_itself_and_eight_epochs(folder, call):
    called = call(
        *("data", "show", "--augmented", *SYNTHETIC, *FLIP, "--out", "grid.png")
    )
    assert called.code == 0
    assert called.err == ""
    assert called.out.endswith("pictures: grid.png\n")
    pixels = grid(folder / "grid.png")
    left = pixels.shape[1] - 9 * 68
    assert pixels.shape[0] == 4 + 17 + 10 * 68
    cells = [pixels[21:85, left + n * 68 : left + n * 68 + 64] for n in range(9)]
    itself, mirrored = cells[0], cells[0][:, ::-1]
    assert not np.array_equal(itself, mirrored)
    # From epoch to epoch the image is turned over.
    first = np.array_equal(cells[1], mirrored)
    for epoch, cell in enumerate(cells[1:]):
        flipped = first ^ (epoch % 2 == 1)
        assert np.array_equal(cell, mirrored if flipped else itself)


def test_the_epoch_and_the_seed_are_those_of_the_training(folder, call):
    show = ("data", "show", "--augmented", *SYNTHETIC)
    erase = ("--set", "data.augmentation=[RandomErasing]")
    call(*show, *erase, "--out", "one.png")
    call(*show, *erase, "--epoch", 3, "--out", "three.png")
    call(*show, *erase, "--seed", 1, "--out", "seed.png")
    call(*show, *erase, "--set", "training.seed=1", "--out", "set.png")
    one, three = grid(folder / "one.png"), grid(folder / "three.png")
    left = one.shape[1] - 9 * 68
    # Epoch 3 is the third column there and the first here.
    assert np.array_equal(
        one[21:, left + 3 * 68 : left + 4 * 68], three[21:, left + 68 : left + 2 * 68]
    )
    assert np.array_equal(grid(folder / "seed.png"), grid(folder / "set.png"))
    assert not np.array_equal(grid(folder / "seed.png"), one)


def test_nothing_is_replaced(folder, call):
    assert call("data", "show", *SYNTHETIC).code == 0
    assert call("data", "show", *SYNTHETIC).out.endswith("article-pictures-2.png\n")
    (folder / "mine.png").write_bytes(b"old")
    called = call("data", "show", *SYNTHETIC, "--out", "mine.png")
    assert (called.code, called.out) == (2, "")
    assert called.err == (
        "error: mine.png exists already, and nothing is replaced. Name another file "
        "with --out, or move it away first.\n"
    )
    assert (folder / "mine.png").read_bytes() == b"old"


def test_the_test_images_are_not_opened(folder, call, monkeypatch):
    def refuse(self: Dataset) -> None:
        raise RuntimeError("the test split was opened")

    monkeypatch.setattr(Dataset, "test", refuse)
    assert call("data", "show", *SYNTHETIC).code == 0
    assert call("data", "show", "--augmented", *SYNTHETIC, *FLIP).code == 0


def test_without_an_augmentation_there_is_nothing_to_show(folder, call):
    called = call("data", "show", "--augmented", *SYNTHETIC)
    assert called.code == 2
    assert called.out == ""
    assert called.err == (
        "error: 'article' has no data.augmentation: the network sees the pictures as "
        "they are. Try one with --set 'data.augmentation=[RandomFlip]'.\n"
    )


def test_classes_that_the_data_does_not_have_are_told_as_train_tells_them(folder, call):
    for name in ("mug", "pot"):
        place = folder / "mine" / "train" / name
        place.mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(place / "1.png")
    (folder / "mine.yaml").write_text(
        "data: {dataset: folder, path: mine, classes: [mug, cup]}\n"
        "model: {layers: [Flatten, Dense: 2]}\n"
    )
    called = call("data", "show", "--config", "mine.yaml")
    assert (called.code, called.out) == (1, "")
    assert called.err == (
        "error: The class folders of mine are not the classes of data.classes, which "
        "must name them all: cup has no folder there; pot is not expected.\n"
    )


def test_a_wrong_config_ends_with_2(folder, call):
    called = call("data", "show", "--set", "data.dataset=cifar11")
    assert called.code == 2
    assert called.err.endswith("1 problem\n")


def test_a_place_that_cannot_be_written_is_named(folder, call):
    called = call("data", "show", *SYNTHETIC, "--out", "nowhere/grid.png")
    assert called.code == 2
    assert called.err == (
        "error: 'nowhere/grid.png' cannot be written: No such file or directory\n"
    )


@pytest.mark.real_data
def test_real_images_have_no_note(folder, call, real_data):
    called = call("data", "show", "--set", f"data.path={real_data}")
    assert called.code == 0
    assert "data set: cifar10, 10 classes" in called.out
    assert "note:" not in called.out
