from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.errors import UsageError
from cifarcnn.inference.predictions import Prediction, save_input
from cifarcnn.inference.sources import Source


@pytest.fixture
def pixels() -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (32, 32, 3)).astype(np.uint8)


def test_the_file_holds_exactly_the_pixels(
    tmp_path: Path, pixels: np.ndarray[Any, Any]
) -> None:
    folder = tmp_path / "new" / "kept"
    path = save_input(folder, Prediction(Source("a/cat.jpg"), pixels))
    assert path == folder / "cat.png"
    with Image.open(path) as image:
        assert image.format == "PNG" and image.mode == "RGB"
        assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("-", "standard-input.png"),
        ("test:17", "test-17.png"),
        ("a/b.c.jpeg", "b.c.png"),
        ("..", "...png"),
        ("x/.png", ".png.png"),
    ],
)
def test_a_name_becomes_a_file_name(
    tmp_path: Path, pixels: np.ndarray[Any, Any], name: str, file: str
) -> None:
    assert save_input(tmp_path, Prediction(Source(name), pixels)) == tmp_path / file


def test_a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten(
    tmp_path: Path, pixels: np.ndarray[Any, Any]
) -> None:
    (tmp_path / "cat.png").write_bytes(b"mine")
    (tmp_path / "cat-2.png").symlink_to("nowhere")
    path = save_input(tmp_path, Prediction(Source("cat.jpg"), pixels))
    assert path == tmp_path / "cat-3.png"
    assert (tmp_path / "cat.png").read_bytes() == b"mine"


def test_an_unreadable_image_leaves_no_file(tmp_path: Path) -> None:
    assert save_input(tmp_path / "kept", Prediction(Source("x"), error="bad")) is None
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, pixels: np.ndarray[Any, Any]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = tmp_path / "file" / "kept"
    with pytest.raises(UsageError) as caught:
        save_input(folder, Prediction(Source("cat.jpg"), pixels))
    assert str(caught.value) == (
        f"The pictures cannot be kept in {folder}: Not a directory. Name another "
        "folder with --save-input DIR."
    )
