"""The page about a training: ``report.html``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from cifarcnn.config import Config, summarize
from cifarcnn.config.summary import Summary
from cifarcnn.data.splits import Split
from cifarcnn.evaluation.evaluation import Evaluation, evaluate_probabilities
from cifarcnn.evaluation.mistakes import worst_mistakes
from cifarcnn.html.document import content_policy
from cifarcnn.page.document import make_environment
from cifarcnn.page.html import page_style
from cifarcnn.page.numbers import show_percent
from cifarcnn.page.plots import (
    STYLE,
    Line,
    ShownImage,
    draw_bars,
    draw_confusion_matrix,
    draw_images,
    draw_lines,
    draw_reliability,
)
from cifarcnn.runs.history import EpochRecord
from cifarcnn.training.augmentation.pipeline import preview
from cifarcnn.training.diagnosis import Finding
from cifarcnn.training.training_data import TrainingData

# Between these lies what evaluate writes of the test pictures, and the way there.
TEST_BEGIN, TEST_END = "<!-- test figures -->", "<!-- end of test figures -->"
LINK_BEGIN, LINK_END = "<!-- test link -->", "<!-- end of test link -->"
TEST_LINK = '<p><a href="#test">On the test pictures</a></p>'
_CLASSES = 8  # in the grid of training pictures
_EPOCHS = 5  # of each of them
_MISTAKES = 18
_MOST_BARS = 40

Part = dict[str, Any]


@dataclass(frozen=True)
class Training:
    """What the page is made from.

    Attributes:
        name: The folder of the run, as the user knows it.
        config: Of the training.
        data: Its images.
        records: One for each finished epoch; none where the first one diverged.
        kept: The record of the epoch whose weights were kept; ``None`` where the
            training did not come to its end.
        weights: ``best`` or ``last``: which ones these are.
        probabilities: Of the validation images; ``None`` where they were not asked.
        findings: The diagnosis.
        problem: Why it did not come to its end, as a sentence.
        facts: Device, versions, time and memory: names and what is said of them.
    """

    name: str
    config: Config
    data: TrainingData
    records: Sequence[EpochRecord]
    kept: EpochRecord | None
    weights: str
    probabilities: np.ndarray[Any, Any] | None
    findings: Sequence[Finding]
    problem: str | None
    facts: Sequence[tuple[str, str]]


def render_report(training: Training) -> str:
    """The page, which needs nothing else."""
    names = training.data.dataset.class_names
    validation, answers = training.data.validation, training.probabilities
    judged: Part | None = None
    if validation is not None and answers is not None:
        evaluation = evaluate_probabilities(answers, validation.labels, names)
        judged = describe_answers(evaluation, names)
        mistakes = _draw_mistakes(validation, answers, names)
        judged |= {"mistakes": mistakes}
    titles = _titles(training, judged is not None)
    style = f"{page_style()}\n{STYLE}"
    return (
        make_environment()
        .get_template("report.html")
        .render(
            policy=content_policy(style),
            style=Markup(style),
            title=f"The training of {training.config.name}",
            titles=titles,
            numbers={id: number for number, id in enumerate(titles, 1)},
            training=training,
            judged=judged,
            curves=_draw_curves(training),
            pictures=_draw_training_images(training.config, training.data),
            explanation=_Network(summarize(training.config)),
            yaml=training.config.to_yaml(),
            test=(Markup(TEST_BEGIN), Markup(TEST_END)),
            test_link=(Markup(LINK_BEGIN), Markup(LINK_END)),
        )
    )


def render_test_figures(
    evaluation: Evaluation, class_names: Sequence[str], said: str
) -> str:
    """What stands between the marks of a page, of the test pictures.

    Args:
        evaluation: Of them.
        class_names: The classes.
        said: Which weights and pictures these are.
    """
    template = make_environment().get_template("report-test.html")
    return template.render(judged=describe_answers(evaluation, class_names), said=said)


def describe_answers(evaluation: Evaluation, names: Sequence[str]) -> Part:
    """The figures of a split in words and plots."""
    low, high = evaluation.accuracy_interval
    recall = {name: evaluation.per_class[name] for name in names}
    worst = sorted(recall, key=lambda name: recall[name].recall)[:_MOST_BARS]
    shown = [name for name in names if name in worst]
    return {
        "evaluation": evaluation,
        "interval": f"{low:.1%} to {high:.1%}",
        "confusion": draw_confusion_matrix(evaluation.confusion_matrix, names),
        "recall": draw_bars(
            shown,
            [recall[n].recall if recall[n].support else None for n in shown],
            "named rightly, of each class",
        ),
        "reliability": draw_reliability(evaluation.calibration_bins),
        "all_classes": len(shown) == len(names),
    }


@dataclass(frozen=True)
class _Network:
    """What the part about the network asks for."""

    network: Summary


def _titles(training: Training, judged: bool) -> dict[str, str]:
    titles = {"diagnosis": "What the figures suggest"}
    if training.records:
        titles["curves"] = "Loss, accuracy and learning rate"
    if judged:
        titles |= {
            "confusion": "What is taken for what",
            "mistakes": "The worst mistakes",
            "calibration": "As sure as right?",
        }
    return titles | {
        "pictures": "What it learnt from",
        "network": "The whole network",
        "config": "The config",
        "facts": "Time, memory, device and versions",
    }


def _draw_curves(training: Training) -> list[Markup]:
    records, kept = training.records, training.kept
    if not records:
        return []
    mark = (kept.epoch, "kept") if kept and len(records) > 1 else None
    rates = [record.learning_rate for record in records]
    # What falls through orders of magnitude would lie on the ground.
    wide = min(rates) > 0 and max(rates) > 50 * min(rates)
    return [
        draw_lines(
            [
                Line("training", [record.loss for record in records]),
                Line("validation", [record.val_loss for record in records]),
            ],
            "loss",
            mark=mark,
        ),
        draw_lines(
            [
                Line("training", [record.accuracy for record in records]),
                Line("validation", [record.val_accuracy for record in records]),
            ],
            "accuracy",
            percent=True,
            mark=mark,
        ),
        draw_lines(
            [Line("rate", rates)], "learning rate", logarithmic=wide, from_zero=True
        ),
    ]


def _draw_mistakes(
    split: Split, answers: np.ndarray[Any, Any], names: Sequence[str]
) -> Markup | None:
    places = worst_mistakes(answers, split.labels, _MISTAKES)
    if not places:
        return None
    return draw_images(
        [
            ShownImage(
                np.asarray(split.images[place]),
                (
                    names[split.labels[place]],
                    f"→ {names[answers[place].argmax()]}",
                    show_percent(float(answers[place].max())),
                ),
            )
            for place in places
        ],
        "true class → answer, and how sure it was",
    )


def _draw_training_images(config: Config, data: TrainingData) -> Markup:
    """A row for each of some classes: an image, and what some epochs make of it."""
    split, names = data.split, data.dataset.class_names
    if not config.data.augmentation:
        places = _first_of_each(split.labels, 2 * _CLASSES + 2)
        return draw_images(
            [
                ShownImage(np.asarray(split.images[k]), (names[split.labels[k]],))
                for k in places
            ],
            "training pictures",
        )
    places = _first_of_each(split.labels, _CLASSES)
    index = np.array(places, dtype=np.int32)
    choices, seed = config.data.augmentation, config.training.seed
    rows = preview(choices, seed, split.images, index, range(_EPOCHS))
    images = []
    for place, row in zip(places, rows, strict=True):
        name = names[split.labels[place]]
        images.append(ShownImage(row[0], (name, "as it is")))
        images += [
            ShownImage(image, (name, f"in epoch {epoch}"))
            for epoch, image in enumerate(row[1:], 1)
        ]
    return draw_images(
        images, "training pictures, as they are and augmented", columns=1 + _EPOCHS
    )


def _first_of_each(labels: np.ndarray[Any, Any], most: int) -> list[int]:
    """Where the first image of each class is, in the order of the classes."""
    _, places = np.unique(labels, return_index=True)
    found: list[int] = places[:most].tolist()
    return found
