"""The config that fits a folder of one's own images: whatever is in it, it is valid."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from cifarcnn.config import load_config
from cifarcnn.config.folder_config import run_name, write_folder_config
from cifarcnn.config.loading import check_config


def write(place: Path, counts: dict[str, int], side: int, path: str = "pets") -> Path:
    file = place / "pets.yaml"
    file.write_text(write_folder_config(path, "pets.yaml", counts, side))
    return file


def evenly(classes: int, each: int) -> dict[str, int]:
    return {f"class {number}": each for number in range(classes)}


@pytest.mark.parametrize(
    ("classes", "side"), list(product((2, 257, 2000), (1, 8, 11, 31, 50, 100, 3000)))
)
def test_it_is_valid_for_every_number_of_classes_and_size(tmp_path, classes, side):
    for each in (1, 30, 5000):
        file = write(tmp_path, evenly(classes, each), side)
        assert check_config(file).problems == ()
        config = load_config(file)
        height, width, _ = config.image_shape
        assert height == width <= max(side, 8)
        assert 5 <= config.training.epochs <= 40


@pytest.mark.parametrize(
    ("side", "size"),
    [
        *((1, 8), (8, 8), (28, 28), (30, 28), (32, 32), (47, 32), (63, 48)),
        *((64, 64), (100, 96), (127, 96), (128, 128), (3000, 128)),
    ],
)
def test_the_size_is_a_round_one_below_that_of_the_pictures(tmp_path, side, size):
    config = load_config(write(tmp_path, evenly(2, 100), side))
    assert config.image_shape == (size, size, 3)


def test_many_pictures_are_made_smaller_so_that_training_takes_minutes(tmp_path):
    def of(each: int) -> tuple[int, int, int]:
        config = load_config(write(tmp_path, evenly(10, each), 500))
        training = config.training
        return config.image_shape[0], training.epochs, training.batch_size

    assert of(5) == (128, 40, 8)
    assert of(100) == (128, 40, 8)
    assert of(250) == (128, 28, 32)
    assert of(2_000) == (96, 7, 128)
    assert of(10_000) == (48, 8, 128)
    assert of(100_000) == (32, 5, 128)


def test_uneven_classes_are_weighed_and_it_is_said_how_uneven_they_are(tmp_path):
    file = write(tmp_path, {"cat": 2000, "dog": 400}, 64)
    assert load_config(file).training.class_weights == "balanced"
    assert "balanced  # a class has 400 to 2,000 pictures\n" in file.read_text()
    assert load_config(write(tmp_path, {"cat": 1998, "dog": 400}, 64)).training == (
        load_config(write(tmp_path, evenly(2, 1199), 64)).training
    )


@pytest.mark.parametrize(
    "path",
    [
        *("None", "null", "no", "12", "$HOME", "~x", "a: b", "c:x", "it's", '"', "#1"),
        *("\\", "-", "[a]", "{a}", "&a", "*a", "!a", "a\nb", "a\tb", " a ", "x" * 200),
        *("собаки", "犬", "pets/", "/abs/pets", "..", "a #b"),
    ],
)
def test_a_folder_of_any_name_is_found_again(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path, evenly(2, 9), 64, path)
    assert check_config(file).problems == ()
    assert Path(load_config(file).data.path) == Path(path)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("pets", "pets"), ("a/b/My Pets/", "My-Pets"), ("собаки", "pictures")),
        *(("--x", "x"), ("x" * 99, "x" * 60), ("/", "pictures"), ("Ünter", "nter")),
    ],
)
def test_runs_are_called_as_the_folder_is(path, name):
    assert run_name(path) == name


def test_it_says_what_it_is_and_names_its_schema(tmp_path):
    text = write(tmp_path, evenly(3, 200), 64).read_text()
    assert text.startswith("# yaml-language-server: $schema=/")
    assert Path(text.partition("$schema=")[2].partition("\n")[0]).is_file()
    assert "# 3 classes of pictures in pets: a small network to start from.\n" in text
    assert ", for 600 pictures.\n" in text
    assert "cifarcnn train --config pets.yaml" in text
    assert max(map(len, text.splitlines()[1:])) <= 100
