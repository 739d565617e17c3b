"""What the network sees of an image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.photo import read_photo
from cifarcnn.errors import ImageError, UsageError
from cifarcnn.explanation import explain_image


@pytest.fixture(scope="module")
def subject(make_subject: Any) -> Any:
    return make_subject({"model": {"layers": ["Flatten", {"Dense": 10}]}})


def test_the_first_layer_gets_the_normalized_pixels(case: Any) -> None:
    sight = case.explanation.sight
    assert np.array_equal(sight.pixels, case.image)
    scaled = (sight.pixels / 255 - sight.mean) / sight.deviation
    assert sight.normalized == pytest.approx(scaled, abs=1e-5)
    assert sight.normalized.dtype == np.float32
    first = case.config.model.layers[0].name
    assert sight.normalized == pytest.approx(case.by_hand.inputs[first], abs=1e-5)
    kind = "standard" if case.name == "residual" else "unit"
    assert sight.normalization == kind


def test_without_normalization_the_numbers_stay(make_subject: Any, image: Any) -> None:
    layers = ["Flatten", {"Dense": 10}]
    values = {"model": {"layers": layers}, "data": {"normalization": "none"}}
    sight = explain_image(make_subject(values), image).sight
    assert np.array_equal(sight.normalized, image.astype(np.float32))
    scaled = (sight.pixels / 255 - sight.mean) / sight.deviation
    assert sight.normalized == pytest.approx(scaled)
    assert sight.normalization == "none"


def test_an_array_is_its_own_photo(subject: Any, image: Any) -> None:
    sight = explain_image(subject, image, name="test:17").sight
    assert np.array_equal(sight.photo, image)
    assert vars(sight.crop) == {"top": 0, "left": 0, "bottom": 32, "right": 32}
    assert sight.name == "test:17"


def test_a_file_is_named_by_its_path(subject: Any, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (50, 40), (10, 20, 30)).save(path)
    sight = explain_image(subject, path).sight
    assert (sight.name, sight.photo.shape) == (str(path), (40, 50, 3))
    assert vars(sight.crop) == {"top": 0, "left": 5, "bottom": 40, "right": 45}
    read = read_photo(path, "photo.png", (32, 32))
    assert explain_image(subject, read, name="x").sight.photo is read.pixels
    stream = io.BytesIO(path.read_bytes())
    assert explain_image(subject, stream, name="-").sight.name == "-"


def test_a_image_that_cannot_be_read(subject: Any) -> None:
    with pytest.raises(ImageError) as raised:
        explain_image(subject, io.BytesIO(b"no"), name="a.txt")
    assert str(raised.value) == (
        "this is not a PNG, JPEG, WebP, BMP or GIF picture (its name ends in .txt); "
        "save it as one of these."
    )


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((32, 32, 3)), "float64 (32, 32, 3)"),
        (np.zeros((1, 32, 32, 3), np.uint8), "uint8 (1, 32, 32, 3)"),
    ],
)
def test_an_array_of_another_kind(array: Any, found: str, subject: Any) -> None:
    with pytest.raises(UsageError) as raised:
        explain_image(subject, array)
    assert str(raised.value) == (
        f"The picture is {found}, but the network takes uint8 (32, 32, 3): red, green "
        "and blue from 0 to 255."
    )
