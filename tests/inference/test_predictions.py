from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import DataError
from cifarcnn.inference.predictions import (
    CHUNK,
    Prediction,
    describe_doubts,
    predict_images,
)
from cifarcnn.inference.sources import Source, collect_sources
from cifarcnn.inference.top_k import top_k
from cifarcnn.literals import Resize
from cifarcnn.network.predict import predict_probabilities

TARGET = TargetSize(32, 32, "crop")

Array = np.ndarray[Any, Any]
NAMES = ("red", "green", "blue")


@pytest.fixture(scope="module")
def model() -> Any:
    """Gives each image the class of its brightest channel."""
    import keras

    images = keras.Input((32, 32, 3), dtype="uint8")
    means = keras.layers.GlobalAveragePooling2D()(
        keras.layers.Rescaling(1 / 64)(images)
    )
    return keras.Model(images, keras.layers.Softmax()(means))


def plain(*colour: int) -> Array:
    return np.broadcast_to(np.array(colour, np.uint8), (32, 32, 3)).copy()


def save(path: Path, pixels: Array) -> str:
    Image.fromarray(pixels).save(path)
    return str(path)


def predict(
    model: Any,
    entries: Sequence[str],
    test_images: Array | None = None,
    standard_input: bytes = b"",
) -> list[Prediction]:
    def open_test_images() -> Array:
        if test_images is None:
            raise DataError("The data set is not here.")
        return test_images

    return list(
        predict_images(
            lambda images: predict_probabilities(model, images, CHUNK),
            collect_sources(entries, lambda: len(open_test_images()), print),
            target=TARGET,
            test_images=open_test_images,
            standard_input=io.BytesIO(standard_input),
        )
    )


def label(prediction: Prediction) -> str:
    assert prediction.probabilities is not None
    return top_k(prediction.probabilities, NAMES, 1)[0][0]


def test_each_image_gets_its_own_answer_in_order(model: Any, tmp_path: Path) -> None:
    entries = [
        save(tmp_path / "1.png", plain(0, 0, 200)),
        save(tmp_path / "2.png", plain(200, 0, 0)),
        save(tmp_path / "3.png", plain(0, 200, 0)),
    ]
    found = predict(model, [*entries, entries[0]])
    assert [prediction.source.name for prediction in found] == [*entries, entries[0]]
    assert [label(prediction) for prediction in found] == [
        "blue",
        "red",
        "green",
        "blue",
    ]


def test_bad_images_disturb_no_other_across_chunks(model: Any, tmp_path: Path) -> None:
    colours = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}
    good = {
        name: save(tmp_path / f"{name}.png", plain(*c)) for name, c in colours.items()
    }
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"hello")
    order = [["red", "bad", "green", "blue", "blue"][i % 5] for i in range(2 * CHUNK)]
    found = predict(model, [good.get(name, str(bad)) for name in order])
    assert len(found) == len(order)
    for name, prediction in zip(order, found, strict=True):
        if name == "bad":
            assert prediction.error == (
                "this is text (its name ends in .png); expected a PNG, JPEG, WebP, BMP "
                "or GIF picture."
            )
            assert prediction.pixels is None and prediction.probabilities is None
        else:
            assert prediction.error is None and label(prediction) == name


def test_only_bad_images_give_only_errors(model: Any) -> None:
    found = predict(model, ["nowhere.png", "*.nothing"])
    assert [prediction.error for prediction in found] == [
        "there is no such file.",
        "there is no such file, and as a pattern it matches none.",
    ]


def test_no_entry_gives_no_answer(model: Any) -> None:
    assert predict(model, []) == []


def test_answers_are_those_of_the_network_for_the_pixels(
    model: Any, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (20, 32, 32, 3)).astype(np.uint8)
    entries = [save(tmp_path / f"{i:02}.png", image) for i, image in enumerate(images)]
    together = predict(model, entries)
    for prediction, image, row in zip(
        together, images, predict_probabilities(model, images), strict=True
    ):
        assert prediction.pixels is not None and prediction.probabilities is not None
        assert np.array_equal(prediction.pixels, image)
        assert np.abs(prediction.probabilities - row).max() < 1e-6
        (alone,) = predict(model, [prediction.source.name])
        assert alone.probabilities is not None
        assert np.abs(prediction.probabilities - alone.probabilities).max() < 1e-6


def test_standard_input_is_a_image_even_when_named_twice(model: Any) -> None:
    data = io.BytesIO()
    Image.fromarray(plain(0, 200, 0)).save(data, "PNG")
    found = predict(model, ["-", "-"], standard_input=data.getvalue())
    assert [label(prediction) for prediction in found] == ["green", "green"]


def test_empty_standard_input_is_an_error(model: Any) -> None:
    (found,) = predict(model, ["-"])
    assert found.error == (
        "the file is empty; expected a PNG, JPEG, WebP, BMP or GIF picture."
    )


def test_a_test_image_is_the_one_of_its_number(model: Any) -> None:
    images = np.stack([plain(200, 0, 0), plain(0, 200, 0), plain(0, 0, 200)])
    found = predict(model, ["test:2", "test:0"], test_images=images)
    assert [label(prediction) for prediction in found] == ["blue", "red"]


def test_a_number_beyond_the_test_split_is_an_error(model: Any) -> None:
    images = np.stack([plain(1, 2, 3)] * 3)
    first, second = predict(model, ["test:3", "test:2"], test_images=images)
    assert first.error == "the test split has the pictures 0 to 2."
    assert second.error is None


def test_a_missing_data_set_costs_only_the_test_images(
    model: Any, tmp_path: Path
) -> None:
    entry = save(tmp_path / "1.png", plain(200, 0, 0))
    first, second = predict(model, ["test:3", entry])
    assert first.error == "The data set is not here."
    assert label(second) == "red"


def test_the_test_split_is_not_opened_for_nothing(model: Any, tmp_path: Path) -> None:
    entry = save(tmp_path / "1.png", plain(200, 0, 0))
    assert predict(model, [entry])[0].error is None


def doubt(path: Path, row: Sequence[float], target: TargetSize) -> str:
    """What is said of the answer ``row`` to the image in ``path``."""
    [prediction] = predict_images(
        lambda images: np.array([row], np.float32),
        [Source("x", path=path)],
        target=target,
        test_images=lambda: np.zeros((0, 32, 32, 3), np.uint8),
        standard_input=io.BytesIO(),
    )
    return describe_doubts(prediction, target.resize)


@pytest.mark.parametrize(
    ("size", "row", "words"),
    [
        ((40, 32), [0.9, 0.1], ""),
        ((40, 32), [0.49, 0.51], ""),
        ((64, 32), [0.9, 0.1], "50% cropped"),
        ((32, 100), [0.4, 0.3], "unsure, 68% cropped"),
        ((32, 32), [0.4, 0.3], "unsure"),
    ],
)
def test_a_doubtful_answer_gets_a_note(
    tmp_path: Path, size: tuple[int, int], row: list[float], words: str
) -> None:
    path = tmp_path / "x.png"
    Image.new("RGB", size).save(path)
    assert doubt(path, row, TARGET) == words


@pytest.mark.parametrize(
    ("resize", "words"), [("pad", "50% border"), ("stretch", "50% stretched")]
)
def test_what_is_not_cut_off_has_a_border_or_is_stretched(
    tmp_path: Path, resize: Resize, words: str
) -> None:
    path = tmp_path / "x.png"
    Image.new("RGB", (64, 32)).save(path)
    assert doubt(path, [0.9, 0.1], TargetSize(32, 32, resize)) == words
    Image.new("RGB", (40, 32)).save(path)
    assert doubt(path, [0.9, 0.1], TargetSize(32, 32, resize)) == ""


def test_what_is_cut_off_is_reckoned_upright_and_for_the_shape_of_the_network(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (40, 80)).save(path, exif=exif)
    assert doubt(path, [0.9, 0.1], TargetSize(20, 40, "crop")) == ""
    assert doubt(path, [0.9, 0.1], TargetSize(40, 20, "crop")) == "75% cropped"
