"""What the network sees of an image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.photo import read_photo
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import ImageError, UsageError
from cifarcnn.explanation.explain import explain_image

TARGET = TargetSize(32, 32, "crop")


@pytest.fixture(scope="module")
def network(make_network: Any) -> Any:
    return make_network({"model": {"layers": ["Flatten", {"Dense": 10}]}})


def test_the_first_layer_gets_the_normalized_pixels(case: Any) -> None:
    network_input = case.explanation.network_input
    assert np.array_equal(network_input.pixels, case.image)
    scaled = (network_input.pixels / 255 - network_input.mean) / network_input.deviation
    assert network_input.normalized == pytest.approx(scaled, abs=1e-5)
    assert network_input.normalized.dtype == np.float32
    first = case.config.model.layers[0].name
    assert network_input.normalized == pytest.approx(
        case.by_hand.inputs[first], abs=1e-5
    )
    kind = "standard" if case.name == "residual" else "unit"
    assert network_input.normalization == kind


def test_without_normalization_the_numbers_stay(make_network: Any, image: Any) -> None:
    layers = ["Flatten", {"Dense": 10}]
    values = {"model": {"layers": layers}, "data": {"normalization": "none"}}
    network_input = explain_image(make_network(values), image).network_input
    assert np.array_equal(network_input.normalized, image.astype(np.float32))
    scaled = (network_input.pixels / 255 - network_input.mean) / network_input.deviation
    assert network_input.normalized == pytest.approx(scaled)
    assert network_input.normalization == "none"


def test_an_array_is_its_own_photo(network: Any, image: Any) -> None:
    network_input = explain_image(network, image, name="test:17").network_input
    assert np.array_equal(network_input.photo, image)
    assert vars(network_input.crop) == {"top": 0, "left": 0, "bottom": 32, "right": 32}
    assert network_input.name == "test:17"


def test_a_file_is_named_by_its_path(network: Any, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (50, 40), (10, 20, 30)).save(path)
    network_input = explain_image(network, path).network_input
    assert (network_input.name, network_input.photo.shape) == (str(path), (40, 50, 3))
    assert vars(network_input.crop) == {"top": 0, "left": 5, "bottom": 40, "right": 45}
    assert network_input.resize == "crop"
    read = read_photo(path, "photo.png", TARGET)
    assert explain_image(network, read, name="x").network_input.photo is read.pixels
    stream = io.BytesIO(path.read_bytes())
    assert explain_image(network, stream, name="-").network_input.name == "-"


def test_a_image_that_cannot_be_read(network: Any) -> None:
    with pytest.raises(ImageError) as raised:
        explain_image(network, io.BytesIO(b"no"), name="a.txt")
    assert str(raised.value) == (
        "this is text (its name ends in .txt); expected a PNG, JPEG, WebP, BMP or GIF "
        "picture."
    )


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((32, 32, 3)), "float64 (32, 32, 3)"),
        (np.zeros((1, 32, 32, 3), np.uint8), "uint8 (1, 32, 32, 3)"),
    ],
)
def test_an_array_of_another_kind(array: Any, found: str, network: Any) -> None:
    with pytest.raises(UsageError) as raised:
        explain_image(network, array)
    assert str(raised.value) == (
        f"The picture is {found}, but the network takes uint8 (32, 32, 3): red, green "
        "and blue from 0 to 255."
    )
