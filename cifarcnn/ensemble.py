"""Several trained runs judged as one, which averages their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cifarcnn.errors import UsageError
from cifarcnn.literals import Views
from cifarcnn.trained_run import SplitChoice, TrainedRun

if TYPE_CHECKING:
    from cifarcnn.evaluation import Evaluation
    from cifarcnn.loaded_run import LoadedRun

Array = np.ndarray[Any, Any]


def require_same_classes(runs: Sequence[TrainedRun]) -> None:
    """See that the answers of the runs can be averaged.

    Raises:
        UsageError: One is named twice, or their classes are not the same.
    """
    first = runs[0]
    for number, run in enumerate(runs):
        if any(run.path.samefile(other.path) for other in runs[:number]):
            raise UsageError(f"{run.run.title} is given twice.")
        if run.class_names != first.class_names:
            raise UsageError(
                f"The networks have other classes: {first.path} has "
                f"{_some(first.class_names)}, {run.path} has {_some(run.class_names)}. "
                "Only answers of the same classes, in the same order, can be averaged."
            )


def evaluate_ensemble(
    runs: Sequence[LoadedRun], split: SplitChoice, views: Views | None = None
) -> tuple[Evaluation, list[Evaluation]]:
    """Judge runs together and each alone, on the same images.

    Args:
        runs: Two at least, of the same classes.
        split: As for ``LoadedRun.evaluate``.
        views: Test-time augmentation; None takes what the config of each says.

    Returns:
        Of the mean of their probabilities, and of each run.

    Raises:
        UsageError: Their images are not the same.
    """
    from dataclasses import replace

    from cifarcnn.evaluation.evaluation import evaluate_probabilities

    first, *others = runs
    for other in others:
        _require_same_images(first, other, split)
    alone = [run.evaluate(split, views=views) for run in runs]
    mean = mean_probabilities([each.probabilities for each in alone])
    together = evaluate_probabilities(mean, alone[0].labels, first.class_names)
    seconds = sum(each.examples / (each.images_per_second or 1) for each in alone)
    speed = together.examples / seconds
    return replace(together, images_per_second=speed), alone


def mean_probabilities(answers: Sequence[Array]) -> Array:
    """The mean of the probabilities of several networks.

    Args:
        answers: float32 ``(n, classes)`` of each.

    Returns:
        float32 ``(n, classes)``.
    """
    total = np.zeros(answers[0].shape, np.float64)
    for probabilities in answers:
        total += probabilities
    mean: Array = (total / len(answers)).astype(np.float32)
    return mean


def _require_same_images(one: LoadedRun, other: LoadedRun, split: SplitChoice) -> None:
    if one.labelled_folder and other.labelled_folder:
        return
    found = [
        (run.dataset.checksum, run.config.data.image_size, run.config.data.resize)
        for run in (one, other)
    ]
    if found[0] != found[1]:
        raise UsageError(
            f"{one.path} and {other.path} are judged on other pictures: the data set, "
            "data.image_size and data.resize must be the same."
        )
    cuts = [
        (
            run.config.data.validation_fraction,
            run.config.data.fold,
            run.config.training.seed,
        )
        for run in (one, other)
    ]
    if split != "test" and cuts[0] != cuts[1]:
        raise UsageError(
            f"The {split} pictures of {one.path} and {other.path} are not the same "
            "(data.validation_fraction, data.fold or training.seed differ): what one "
            "is judged on the other has learnt from. Judge them on the test split."
        )


def _some(names: Sequence[str]) -> str:
    return f"{len(names):,} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
