from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError
from cifarcnn.evaluation import ClassMetrics, evaluate
from cifarcnn.evaluation.evaluation import evaluate_probabilities
from cifarcnn.evaluation.predictions_table import write_predictions_table

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
    bins = [each for each in found.calibration_bins if each.count]
    (only,) = bins
    assert (only.count, only.confidence, only.accuracy) == (4, 0.5, 0.5)
    means = {"precision": pytest.approx(2 / 3), "recall": pytest.approx(2 / 3)}
    weighted = {"precision": pytest.approx(5 / 6), "recall": 0.5}
    figures = dataclasses.asdict(found)
    del figures["calibration_bins"], figures["probabilities"], figures["labels"]
    assert figures == {
        "examples": 4,
        "loss": pytest.approx(1.5 * np.log(2)),
        "accuracy": 0.5,
        "accuracy_interval": pytest.approx((0.150039, 0.849961), abs=1e-6),
        "top_3_accuracy": 1.0,
        "top_5_accuracy": None,
        "calibration_error": 0.0,
        "brier_score": pytest.approx(0.625),
        "macro": {**means, "f1": pytest.approx(0.5)},
        "weighted": {**weighted, "f1": pytest.approx(0.5)},
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
        "worst_mistakes": tuple(
            {
                "index": index,
                "label": "dog",
                "answer": "cat",
                "probability": 0.5,
                "label_probability": 0.25,
            }
            for index in (2, 3)
        ),
        "images_per_second": None,
    }


@pytest.mark.parametrize(
    ("classes", "present", "count"),
    [(10, range(10), 103), (10, (0, 3, 9), 57), (4, (2,), 20), (3, (1,), 1)],
)
def test_all_figures_are_those_of_scikit_learn(
    classes: int, present: Sequence[int], count: int
) -> None:
    from sklearn import metrics

    draw = np.random.default_rng(classes + count)
    labels = draw.choice(list(present), count)
    scores = draw.normal(size=(count, classes)) + 1.5 * np.eye(classes)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = tuple("abcdefghij"[:classes])
    found = evaluate_probabilities(probabilities, labels, names)
    answers = probabilities.argmax(axis=1)
    every = range(classes)
    assert found.accuracy == metrics.accuracy_score(labels, answers)
    matrix = metrics.confusion_matrix(labels, answers, labels=every)
    assert found.confusion_matrix == tuple(map(tuple, matrix.tolist()))
    loss = metrics.log_loss(labels, probabilities, labels=every)
    assert found.loss == pytest.approx(loss)
    assert found.top_3_accuracy == pytest.approx(
        metrics.top_k_accuracy_score(labels, probabilities, k=3, labels=every)
        if classes > 3
        else 1
    )
    expected = metrics.precision_recall_fscore_support(
        labels, answers, labels=every, zero_division=0
    )
    rows = [dataclasses.astuple(found.per_class[name]) for name in names]
    assert np.array(rows) == pytest.approx(np.transpose(expected))
    # A class without images says nothing; scikit-learn would count its 0.
    there = sorted(set(labels.tolist()))
    for kind, mean in (("macro", found.macro), ("weighted", found.weighted)):
        *expected, _ = metrics.precision_recall_fscore_support(
            labels, answers, labels=there, average=kind, zero_division=0
        )
        assert dataclasses.astuple(mean) == pytest.approx(expected)
    squared = (probabilities - np.eye(classes)[labels]) ** 2
    assert found.brier_score == pytest.approx(squared.sum(axis=1).mean())


def test_answers_are_not_written_with_the_figures_and_speed_is(
    brightness_model: Any, split: Split
) -> None:
    found = evaluate(brightness_model, split, NAMES)
    assert found.probabilities.shape == (103, 3)
    assert found.labels is split.labels
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert not {"probabilities", "labels"} & set(document)
    assert document["pictures_per_second"] == found.images_per_second > 0
    assert len(document["calibration_bins"]) == 15
    assert sum(each["count"] for each in document["calibration_bins"]) == 103
    assert document["macro"] == dataclasses.asdict(found.macro)


def test_the_table_of_the_predictions_has_each_image() -> None:
    probabilities = np.float32([[0.1, 0.7, 0.2], [1 / 3, 1 / 3, 1 / 3]])
    names = ("cat", 'do"g', "e,mu")
    found = evaluate_probabilities(probabilities, np.array([2, 0]), names)
    text = write_predictions_table(found, names)
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert head == ["index", "label", "answer", "probability", *names]
    assert [row[:3] for row in rows] == [["0", "e,mu", 'do"g'], ["1", "cat", "cat"]]
    assert (np.float32([row[4:] for row in rows]) == probabilities).all()
    assert [row[3] for row in rows] == [rows[0][5], rows[1][4]]


def test_to_json_survives_json_and_has_the_contracted_keys() -> None:
    labels = np.array([0, 1, 2, 1])
    found = evaluate_probabilities(np.eye(3)[[0, 1, 2, 0]], labels, NAMES)
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["accuracy"] == 0.75
    assert document["worst_mistakes"] == [
        {
            "index": 3,
            "label": "dog",
            "answer": "cat",
            "probability": 1.0,
            "label_probability": 0.0,
        }
    ]
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
