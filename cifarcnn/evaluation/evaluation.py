"""How good a network is on one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import keras

from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError
from cifarcnn.evaluation import metrics
from cifarcnn.evaluation.metrics import Array
from cifarcnn.literals import Views
from cifarcnn.network.predict import predict_probabilities

_CONFUSED_PAIRS = 5
_TOP_K = 5


@dataclass(frozen=True)
class ClassMetrics:
    """The metrics of one class.

    Attributes:
        precision: Of the images taken for this class, the share that belong to it;
            0 when there are none.
        recall: Of the images of this class, the share that were recognised; 0 when
            there are none.
        f1: The harmonic mean of both; 0 when both are 0.
        support: How many images of this class there are.
    """

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Evaluation:
    """What a network achieved on one split.

    Attributes:
        examples: How many images there were: all count.
        loss: Mean cross-entropy of the probabilities, which are clipped to 1e-7 .. 1.
        accuracy: Share of images whose most probable class is the right one.
        accuracy_interval: The 95 % interval of the accuracy by Wilson's formula.
        top_5_accuracy: Share of images whose class is among the five most probable;
            None with fewer than five classes.
        calibration_error: Expected calibration error over 15 bins, 0 (as sure as
            right) to 1.
        per_class: By class name, in the order of the classes.
        confusion_matrix: Rows are true classes, columns predicted ones.
        most_confused: Up to five (true class, predicted class, count), most frequent
            first.
    """

    examples: int
    loss: float
    accuracy: float
    accuracy_interval: tuple[float, float]
    top_5_accuracy: float | None
    calibration_error: float
    per_class: dict[str, ClassMetrics]
    confusion_matrix: tuple[tuple[int, ...], ...]
    most_confused: tuple[tuple[str, str, int], ...]

    def to_json(self) -> dict[str, object]:
        """The same, ready for ``json.dumps``."""
        pairs = [
            {"true": true, "predicted": predicted, "count": count}
            for true, predicted, count in self.most_confused
        ]
        return {**asdict(self), "most_confused": pairs}


def evaluate(
    model: keras.Model,
    split: Split,
    class_names: Sequence[str],
    batch_size: int | None = None,
    views: Views = "none",
) -> Evaluation:
    """Evaluate a network on every image of a split.

    Args:
        model: uint8 ``(n, height, width, 3)`` to probabilities ``(n, classes)``.
        split: Images and labels; the last partial batch counts like the others.
        class_names: One for each output of the model.
        batch_size: How many images go through the network at once; None: as many as
            is usual, or fewer where its maps are large.
        views: What each answer rests on (``evaluation.test_time_augmentation``).

    Raises:
        DataError: The split is empty.
    """
    if not len(split.labels):
        raise DataError("There is nothing to judge: the split has no pictures.")
    probabilities = predict_probabilities(model, split.images, batch_size, views)
    return evaluate_probabilities(probabilities, split.labels, class_names)


def evaluate_probabilities(
    probabilities: Array, labels: Array, class_names: Sequence[str]
) -> Evaluation:
    """All metrics from the answers of a network.

    Args:
        probabilities: float ``(n, classes)``, each row adding up to 1.
        labels: integer ``(n,)``, the number of the true class; ``n`` at least 1.
        class_names: One for each column.
    """
    classes = len(class_names)
    predictions = probabilities.argmax(axis=1)
    confusion = metrics.confusion_matrix(labels, predictions, classes)
    correct = int(confusion.trace())
    by_class = (*metrics.precision_recall_f1(confusion), confusion.sum(axis=1))
    rows = zip(class_names, *(column.tolist() for column in by_class), strict=True)
    return Evaluation(
        examples=len(labels),
        loss=metrics.cross_entropy(probabilities, labels),
        accuracy=correct / len(labels),
        accuracy_interval=metrics.wilson_interval(correct, len(labels)),
        top_5_accuracy=(
            metrics.top_k_accuracy(probabilities, labels, _TOP_K)
            if classes >= _TOP_K
            else None
        ),
        calibration_error=metrics.calibration_error(probabilities, labels),
        per_class={name: ClassMetrics(*values) for name, *values in rows},
        confusion_matrix=tuple(map(tuple, confusion.tolist())),
        most_confused=tuple(
            (class_names[true], class_names[predicted], count)
            for true, predicted, count in metrics.confused_pairs(
                confusion, _CONFUSED_PAIRS
            )
        ),
    )
