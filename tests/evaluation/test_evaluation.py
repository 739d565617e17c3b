from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError
from cifarcnn.evaluation import ClassMetrics, evaluate
from cifarcnn.evaluation.evaluation import evaluate_probabilities

NAMES = ("cat", "dog", "emu")


@pytest.fixture(scope="module")
def brightness_model() -> Any:
    """Gives each image the class of its brightest channel, more or less surely."""
    import keras

    images = keras.Input((32, 32, 3), dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 64)(images)
    means = keras.layers.GlobalAveragePooling2D()(scaled)
    return keras.Model(images, keras.layers.Softmax()(means))


@pytest.fixture(scope="module")
def split() -> Split:
    generator = np.random.default_rng(7)
    images = generator.integers(0, 256, (103, 32, 32, 3)).astype(np.uint8)
    images[:, :, :, 1] //= 2
    return Split(images, generator.integers(0, 3, 103).astype(np.uint8))


def test_all_figures_of_four_images() -> None:
    probabilities = np.array(
        [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]
    )
    found = evaluate_probabilities(probabilities, np.array([0, 1, 1, 1]), NAMES)
    assert dataclasses.asdict(found) == {
        "examples": 4,
        "loss": pytest.approx(1.5 * np.log(2)),
        "accuracy": 0.5,
        "accuracy_interval": pytest.approx((0.150039, 0.849961), abs=1e-6),
        "top_5_accuracy": None,
        "calibration_error": 0.0,
        "per_class": {
            "cat": {
                "precision": pytest.approx(1 / 3),
                "recall": 1.0,
                "f1": pytest.approx(0.5),
                "support": 1,
            },
            "dog": {
                "precision": 1.0,
                "recall": pytest.approx(1 / 3),
                "f1": pytest.approx(0.5),
                "support": 3,
            },
            "emu": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
        },
        "confusion_matrix": ((1, 0, 0), (2, 1, 0), (0, 0, 0)),
        "most_confused": (("dog", "cat", 2),),
    }


def test_to_json_survives_json_and_has_the_contracted_keys() -> None:
    labels = np.array([0, 1, 2, 1])
    found = evaluate_probabilities(np.eye(3)[[0, 1, 2, 0]], labels, NAMES)
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["accuracy"] == 0.75
    assert document["accuracy_interval"] == list(found.accuracy_interval)
    assert document["per_class"]["cat"] == dataclasses.asdict(
        ClassMetrics(precision=0.5, recall=1.0, f1=2 / 3, support=1)
    )
    assert document["confusion_matrix"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert document["most_confused"] == [
        {"true": "dog", "predicted": "cat", "count": 1}
    ]


def test_top_5_is_there_with_five_classes() -> None:
    labels = np.array([1, 2, 3, 4, 0])
    found = evaluate_probabilities(np.eye(5), labels, tuple("abcde"))
    assert found.top_5_accuracy == 1.0


def test_the_last_partial_batch_counts(brightness_model: Any, split: Split) -> None:
    found = evaluate(brightness_model, split, NAMES, batch_size=50)
    assert found.examples == 103
    assert sum(map(sum, found.confusion_matrix)) == 103


def test_the_size_of_the_batches_changes_nothing(
    brightness_model: Any, split: Split
) -> None:
    whole = evaluate(brightness_model, split, NAMES)
    pieces = evaluate(brightness_model, split, NAMES, batch_size=10)
    assert whole.confusion_matrix == pieces.confusion_matrix
    assert whole.loss == pytest.approx(pieces.loss, abs=1e-6)


def test_shuffled_images_give_the_same_figures(
    brightness_model: Any, split: Split
) -> None:
    order = np.random.default_rng(1).permutation(len(split.labels))
    shuffled = Split(split.images[order], split.labels[order])
    one = evaluate(brightness_model, split, NAMES, batch_size=40)
    other = evaluate(brightness_model, shuffled, NAMES, batch_size=40)
    assert one.confusion_matrix == other.confusion_matrix
    assert one.per_class == other.per_class
    assert one.loss == pytest.approx(other.loss, rel=1e-6)
    assert one.calibration_error == pytest.approx(other.calibration_error, abs=1e-6)


def test_accuracy_agrees_with_the_labels_themselves(
    brightness_model: Any, split: Split
) -> None:
    brightest = split.images.mean(axis=(1, 2)).argmax(axis=1)
    found = evaluate(brightness_model, split, NAMES)
    assert found.accuracy == pytest.approx(np.mean(brightest == split.labels))


def test_an_empty_split_is_refused(brightness_model: Any, split: Split) -> None:
    empty = Split(split.images[:0], split.labels[:0])
    with pytest.raises(DataError) as caught:
        evaluate(brightness_model, empty, NAMES)
    assert str(caught.value) == (
        "There is nothing to judge: the split has no pictures."
    )
