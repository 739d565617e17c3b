"""One LiteRT file, and files that are none."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from cifarcnn.errors import RunError
from cifarcnn.litert.conversion import convert_model
from cifarcnn.litert.runtime import LiteRTModel, has_runtime

FILTERS = {"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 4}}


@pytest.fixture(scope="module")
def content(build_network: Any) -> bytes:
    return convert_model(
        build_network(FILTERS, "GlobalAveragePooling2D"), list("abcdefghij")
    )


@pytest.fixture
def model(content: bytes) -> LiteRTModel:
    return LiteRTModel("it", content, 10)


def batch_size(model: LiteRTModel) -> int:
    return int(model._interpreter.get_input_details()[0]["shape"][0])


def refusal(content: bytes, class_count: int = 10) -> str:
    with pytest.raises(RunError) as caught:
        LiteRTModel("runs/a-1/model.tflite", content, class_count)
    return str(caught.value)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 31, 32, 33, 100])
def test_any_number_of_images_is_answered_alike(
    model: LiteRTModel, images: np.ndarray[Any, Any], count: int
) -> None:
    together = model.predict(images)
    found = model.predict(images[:count], batch_size=32)
    assert found.shape == (count, 10) and found.dtype == np.float32
    assert np.abs(found - together[:count]).max(initial=0) < 1e-6


def test_answers_keep_the_order_of_the_images(
    model: LiteRTModel, images: np.ndarray[Any, Any]
) -> None:
    forwards = model.predict(images, batch_size=64)
    backwards = model.predict(images[::-1], batch_size=16)[::-1]
    assert np.abs(forwards - backwards).max() < 1e-6


def test_a_short_batch_is_filled_up_rather_than_the_runtime_resized(
    model: LiteRTModel, images: np.ndarray[Any, Any]
) -> None:
    assert batch_size(model) == 1
    model.predict(images[:64], batch_size=32)
    assert batch_size(model) == 32
    model.predict(images[:3], batch_size=32)
    assert batch_size(model) == 32
    model.predict(images[:33], batch_size=64)
    assert batch_size(model) == 64


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_no_answer(
    content: bytes,
    model: LiteRTModel,
    images: np.ndarray[Any, Any],
    threads: int,
) -> None:
    found = LiteRTModel("it", content, 10, threads).predict(images)
    assert np.abs(found - model.predict(images)).max() < 1e-6


def test_the_shape_of_the_images_is_that_of_the_file(
    keras: Any, model: LiteRTModel, tmp_path: Any
) -> None:
    assert model.image_shape == (32, 32, 3)
    other = LiteRTModel("it", export(keras, keras.ops.softmax, tmp_path, (8, 12, 3)), 3)
    assert other.image_shape == (8, 12, 3)
    image = np.zeros((1, 8, 12, 3), np.uint8)
    assert other.predict(image)[0] == pytest.approx([1 / 3] * 3)


def test_what_takes_no_images_is_refused(keras: Any, tmp_path: Any) -> None:
    content = export(keras, keras.ops.softmax, tmp_path, (9000, 9000, 3))
    assert refusal(content, 3) == (
        "runs/a-1/model.tflite does not work with the LiteRT runtime: it takes the "
        "shape (9000, 9000, 3), which is no image's"
    )


def test_without_the_runtime_the_sentence_says_what_brings_it(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_runtime()
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    assert not has_runtime()
    assert refusal(content) == (
        "runs/a-1/model.tflite is not used, because the LiteRT runtime cannot be "
        "imported (import of ai_edge_litert.interpreter halted; None in sys.modules); "
        "`pip install ai-edge-litert` brings it."
    )


@pytest.mark.parametrize("damaged", [b"", b"<html>", bytes(5000)])
def test_what_is_no_such_file_is_refused(damaged: bytes) -> None:
    from ai_edge_litert.interpreter import Interpreter

    with pytest.raises(ValueError) as caught:
        Interpreter(model_content=damaged)
    assert refusal(damaged) == (
        "runs/a-1/model.tflite does not work with the LiteRT runtime: "
        f"{str(caught.value).splitlines()[0]}"
    )


def test_another_number_of_classes_is_refused(content: bytes) -> None:
    assert refusal(content, 3) == (
        "runs/a-1/model.tflite is not a network that gives the probabilities of 3 "
        "classes."
    )


def export(
    keras: Any,
    function: Any,
    tmp_path: Any,
    shape: tuple[int, ...] = (32, 32, 3),
) -> bytes:
    images = keras.Input(shape, dtype="uint8")
    means = keras.layers.GlobalAveragePooling2D()(
        keras.layers.Rescaling(1 / 255)(images)
    )
    model = keras.Model(images, function(means))
    path = tmp_path / "other.tflite"
    model.export(path, format="litert", verbose=False)
    data: bytes = path.read_bytes()
    return data


def test_numbers_that_are_no_probabilities_are_refused(
    keras: Any, tmp_path: Any
) -> None:
    content = export(keras, lambda means: means + 1.0, tmp_path)
    assert refusal(content, 3) == (
        "runs/a-1/model.tflite is not a network that gives the probabilities of 3 "
        "classes."
    )


def test_an_operation_that_no_layer_needs_is_refused(keras: Any, tmp_path: Any) -> None:
    content = export(
        keras, lambda means: keras.ops.softmax(keras.ops.sin(means)), tmp_path
    )
    assert refusal(content, 3) == (
        "runs/a-1/model.tflite holds the operation SIN, which is not among those of a "
        "convolutional network."
    )


def test_a_failure_in_use_is_told_with_its_reason(model: LiteRTModel) -> None:
    with pytest.raises(RunError) as caught:
        model.predict(np.zeros((1, 32, 32, 3), np.float32))
    assert str(caught.value).startswith(
        "it failed while it was used: Cannot set tensor"
    )
