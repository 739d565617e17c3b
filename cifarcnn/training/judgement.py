"""What a training asks of its network at the end, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from cifarcnn.config import Config
from cifarcnn.engine import is_out_of_memory
from cifarcnn.evaluation.metrics import confusion_matrix
from cifarcnn.network.predict import predict_probabilities
from cifarcnn.runs.history import EpochRecord
from cifarcnn.training.diagnosis import (
    Figures,
    Finding,
    diagnose,
    diagnose_first_epoch,
)
from cifarcnn.training.observer import Observer, Plan
from cifarcnn.training.training_data import TrainingData

Array = np.ndarray[Any, Any]


def ask_validation(
    network: keras.Model, data: TrainingData, observer: Observer
) -> Array | None:
    """The probabilities of the validation images, from a single view of each.

    Returns:
        float32 ``(n, classes)``; ``None`` without such images, and where the memory
        does not suffice, which is told.
    """
    if data.validation is None:
        return None
    try:
        return predict_probabilities(network, data.validation.images)
    except Exception as error:
        # The training is done, and is worth more than what is said of it.
        if not is_out_of_memory(error):
            raise
        observer.noted(
            "The validation pictures were not asked once more at the end: there is not "
            "enough memory. The report shows neither mistakes nor calibration."
        )
        return None


def judge(
    config: Config,
    data: TrainingData,
    plan: Plan,
    records: Sequence[EpochRecord],
    probabilities: Array | None,
) -> tuple[Finding, ...]:
    """What the figures of a finished training suggest.

    Args:
        config: Of the training.
        data: Its images.
        plan: What was done.
        records: One for each epoch.
        probabilities: From :func:`ask_validation`.
    """
    # A trial on few images says nothing about the network.
    if plan.smoke:
        return ()
    confusion = None
    if probabilities is not None and data.validation is not None:
        labels, answers = data.validation.labels, probabilities.argmax(axis=1)
        confusion = confusion_matrix(labels, answers, data.class_count).tolist()
    return diagnose(_figures(config, data, plan, records, confusion))


def judge_first_epoch(
    config: Config, data: TrainingData, plan: Plan
) -> Callable[[EpochRecord], str | None]:
    """What there is to say as soon as an epoch ends, of the first one only."""

    def say(record: EpochRecord) -> str | None:
        if record.epoch != 1 or plan.smoke or plan.epochs == 1:
            return None
        found = diagnose_first_epoch(_figures(config, data, plan, [record], None))
        if found is None:
            return None
        return f"{found.text} The training goes on. Try next: {found.line}"

    return say


def _figures(
    config: Config,
    data: TrainingData,
    plan: Plan,
    records: Sequence[EpochRecord],
    confusion: list[list[int]] | None,
) -> Figures:
    counts = np.bincount(data.split.labels, minlength=data.class_count)
    return Figures(
        config=config,
        records=records,
        class_names=data.dataset.class_names,
        class_counts=counts.tolist(),
        steps_per_epoch=plan.steps_per_epoch,
        confusion=confusion,
    )
