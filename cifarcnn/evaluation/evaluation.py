"""How good a network is on one split."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace

import keras

from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError
from cifarcnn.evaluation import metrics
from cifarcnn.evaluation.metrics import Array, CalibrationBin
from cifarcnn.evaluation.mistakes import worst_mistakes
from cifarcnn.literals import Views
from cifarcnn.network.predict import predict_probabilities
from cifarcnn.temperature import apply_temperature

_CONFUSED_PAIRS = 5
_WORST_MISTAKES = 24


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
class MeanMetrics:
    """The metrics of the classes that have images, as their mean.

    Attributes:
        precision: As of one class.
        recall: Likewise.
        f1: The mean of the F1 of the classes.
    """

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Mistake:
    """An image that was named wrongly.

    Attributes:
        index: Its place in the split, from 0 on.
        label: The name of its true class.
        answer: The name of the most probable class.
        probability: Of the answer.
        label_probability: Of the true class.
    """

    index: int
    label: str
    answer: str
    probability: float
    label_probability: float


@dataclass(frozen=True)
class Evaluation:
    """What a network achieved on one split.

    Attributes:
        examples: How many images there were: all count.
        loss: Mean cross-entropy of the probabilities (log loss), which are clipped to
            1e-7 .. 1.
        accuracy: Share of images whose most probable class is the right one.
        accuracy_interval: The 95 % interval of the accuracy by Wilson's formula.
        top_3_accuracy: Share of images whose class is among the three most probable;
            None with fewer than three classes.
        top_5_accuracy: The same of the five most probable.
        calibration_error: Expected calibration error over 15 bins, 0 (as sure as
            right) to 1.
        calibration_bins: These bins.
        brier_score: Mean squared distance from certainty in the true class, 0 to 2.
        per_class: By class name, in the order of the classes.
        macro: The means over the classes, in which all count alike.
        weighted: Those in which each class counts by its images.
        confusion_matrix: Rows are true classes, columns predicted ones.
        most_confused: Up to five (true class, predicted class, count), most frequent
            first.
        worst_mistakes: Up to 24 wrong answers, the surest first.
        images_per_second: With the start of the network, which compiles it; ``None``
            where the answers were there before.
        probabilities: float32 ``(n, classes)``, the answers.
        labels: integer ``(n,)``, the true classes.
    """

    examples: int
    loss: float
    accuracy: float
    accuracy_interval: tuple[float, float]
    top_3_accuracy: float | None
    top_5_accuracy: float | None
    calibration_error: float
    calibration_bins: tuple[CalibrationBin, ...]
    brier_score: float
    per_class: dict[str, ClassMetrics]
    macro: MeanMetrics
    weighted: MeanMetrics
    confusion_matrix: tuple[tuple[int, ...], ...]
    most_confused: tuple[tuple[str, str, int], ...]
    worst_mistakes: tuple[Mistake, ...]
    images_per_second: float | None = None
    probabilities: Array = field(kw_only=True, repr=False, compare=False)
    labels: Array = field(kw_only=True, repr=False, compare=False)

    def to_json(self) -> dict[str, object]:
        """The figures, ready for ``json.dumps``: all but the answers."""
        names = [each.name for each in fields(self)]
        figures = {
            name: getattr(self, name)
            for name in names
            if name not in ("probabilities", "labels", "images_per_second")
        }
        return {
            **figures,
            "calibration_bins": [asdict(each) for each in self.calibration_bins],
            "per_class": {name: asdict(each) for name, each in self.per_class.items()},
            "macro": asdict(self.macro),
            "weighted": asdict(self.weighted),
            "most_confused": [
                {"true": true, "predicted": predicted, "count": count}
                for true, predicted, count in self.most_confused
            ],
            "worst_mistakes": [asdict(each) for each in self.worst_mistakes],
            "pictures_per_second": self.images_per_second,
        }


def evaluate(
    model: keras.Model,
    split: Split,
    class_names: Sequence[str],
    batch_size: int | None = None,
    views: Views = "none",
    temperature: float | None = None,
) -> Evaluation:
    """Evaluate a network on every image of a split.

    Args:
        model: uint8 ``(n, height, width, 3)`` to probabilities ``(n, classes)``.
        split: Images and labels; the last partial batch counts like the others.
        class_names: One for each output of the model.
        batch_size: How many images go through the network at once; None: as many as
            is usual, or fewer where its maps are large.
        views: What each answer rests on (``evaluation.test_time_augmentation``).
        temperature: Of the answers; None leaves them as they are.

    Raises:
        DataError: The split is empty.
    """
    if not len(split.labels):
        raise DataError("There is nothing to judge: the split has no pictures.")
    start = time.perf_counter()
    probabilities = predict_probabilities(model, split.images, batch_size, views)
    if temperature is not None:
        probabilities = apply_temperature(probabilities, temperature)
    seconds = time.perf_counter() - start
    found = evaluate_probabilities(probabilities, split.labels, class_names)
    return replace(found, images_per_second=len(split.labels) / seconds)


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
    support = confusion.sum(axis=1)
    shares = metrics.precision_recall_f1(confusion)
    macro, weighted = (
        MeanMetrics(
            *(
                metrics.mean_over_classes(share, support, weighted=by_support)
                for share in shares
            )
        )
        for by_support in (False, True)
    )
    bins = metrics.calibration_bins(probabilities, labels)
    top_3, top_5 = (
        metrics.top_k_accuracy(probabilities, labels, k) if classes >= k else None
        for k in (3, 5)
    )
    by_class = (*shares, support)
    rows = zip(class_names, *(column.tolist() for column in by_class), strict=True)
    return Evaluation(
        examples=len(labels),
        loss=metrics.cross_entropy(probabilities, labels),
        accuracy=correct / len(labels),
        accuracy_interval=metrics.wilson_interval(correct, len(labels)),
        top_3_accuracy=top_3,
        top_5_accuracy=top_5,
        calibration_error=metrics.calibration_error(bins),
        calibration_bins=tuple(bins),
        brier_score=metrics.brier_score(probabilities, labels),
        per_class={name: ClassMetrics(*values) for name, *values in rows},
        macro=macro,
        weighted=weighted,
        confusion_matrix=tuple(map(tuple, confusion.tolist())),
        most_confused=tuple(
            (class_names[true], class_names[predicted], count)
            for true, predicted, count in metrics.confused_pairs(
                confusion, _CONFUSED_PAIRS
            )
        ),
        worst_mistakes=tuple(
            _describe_mistake(index, probabilities[index], labels[index], class_names)
            for index in worst_mistakes(probabilities, labels, _WORST_MISTAKES)
        ),
        probabilities=probabilities,
        labels=labels,
    )


def _describe_mistake(
    index: int, probabilities: Array, label: int, class_names: Sequence[str]
) -> Mistake:
    answer = int(probabilities.argmax())
    return Mistake(
        index,
        class_names[label],
        class_names[answer],
        float(probabilities[answer]),
        float(probabilities[label]),
    )
