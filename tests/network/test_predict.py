from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cifarcnn.network.predict import evaluation_batch_size, predict_probabilities


@pytest.fixture(scope="module")
def model() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    images = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(8, 3, strides=2)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(images, keras.layers.Dense(10, activation="softmax")(x))


@pytest.fixture(scope="module")
def images() -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(5)
    return generator.integers(0, 256, (70, 32, 32, 3)).astype(np.uint8)


def test_every_image_gets_its_row(model: Any, images: np.ndarray[Any, Any]) -> None:
    found = predict_probabilities(model, images, batch_size=32)
    assert found.shape == (70, 10) and found.dtype == np.float32
    assert found.sum(axis=1) == pytest.approx(np.ones(70), abs=1e-6)
    assert found == pytest.approx(np.asarray(model(images, training=False)), abs=1e-6)


def test_one_by_one_is_the_same_as_all_at_once(
    model: Any, images: np.ndarray[Any, Any]
) -> None:
    together = predict_probabilities(model, images)
    single = [predict_probabilities(model, images[i : i + 1])[0] for i in range(70)]
    assert np.abs(together - np.stack(single)).max() < 1e-6


def test_neighbours_in_a_batch_do_not_matter(
    model: Any, images: np.ndarray[Any, Any]
) -> None:
    backwards = predict_probabilities(model, images[::-1], batch_size=16)[::-1]
    together = predict_probabilities(model, images, batch_size=64)
    assert np.abs(together - backwards).max() < 1e-6


def test_no_image_gives_no_row(model: Any, images: np.ndarray[Any, Any]) -> None:
    assert predict_probabilities(model, images[:0]).shape == (0, 10)


def test_a_partial_batch_compiles_nothing_new(
    model: Any, images: np.ndarray[Any, Any]
) -> None:
    predict_probabilities(model, images[:64], batch_size=32)
    before = model.predict_function.experimental_get_tracing_count()
    predict_probabilities(model, images[:50], batch_size=32)
    assert model.predict_function.experimental_get_tracing_count() == before


def test_a_model_that_was_never_compiled_does_without_xla(
    model: Any, images: np.ndarray[Any, Any]
) -> None:
    predict_probabilities(model, images[:2])
    assert model.jit_compile is False


def test_large_maps_are_looked_at_in_smaller_batches(model: Any) -> None:
    import keras

    assert evaluation_batch_size(model) == 256
    images = keras.Input((32, 32, 3), dtype="uint8")
    large = keras.layers.Resizing(224, 224)(keras.layers.Rescaling(1.0)(images))
    inner = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(10, 3)(large))
    outer = keras.Input((32, 32, 3), dtype="uint8")
    whole = keras.Model(outer, keras.Model(images, inner)(outer))
    assert evaluation_batch_size(whole) == 32
    seen = []
    whole.predict_on_batch = lambda batch: (
        seen.append(len(batch)) or np.zeros((len(batch), 10))
    )
    predict_probabilities(whole, np.zeros((70, 32, 32, 3), np.uint8))
    assert seen == [32, 32, 32]
