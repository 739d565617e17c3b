"""From a trained network to a file that is proven to answer as the network does."""

from __future__ import annotations

import errno
import importlib
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cifarcnn.errors import CifarcnnError, RunError, first_line
from cifarcnn.export.check_images import CheckImages
from cifarcnn.export.example import write_example
from cifarcnn.export.exported import Exported, Figures
from cifarcnn.export.file_format import Answers, Description, FileFormat, Reduction
from cifarcnn.export.output_path import (
    example_path,
    made_beside,
    move_into_place,
    require_free,
)
from cifarcnn.literals import ExportFormat, ExportPrecision
from cifarcnn.network.predict import evaluation_batch_size, predict_probabilities

Array = np.ndarray[Any, Any]
# The largest difference of a probability that is all right. Sums in another order
# leave 1e-6; weights of 16 bits 1e-3. Of int8 single answers may be far off, so it is
# the mean over the images of their largest difference.
TOLERANCES: dict[ExportPrecision, float] = {
    "float32": 1e-4,
    "float16": 0.02,
    "int8": 0.1,
}
# Of many classes all are improbable, and differences small whatever they mean. Where
# the network's largest probability is below this, they count as shares of it.
_LEADING = 0.1
# A loss of accuracy, 0 to 1, that is warned of.
_NOTABLE_LOSS = 0.005
# So many other labels are, where an accuracy is not known; with int8 one in a hundred
# is as it should be.
_NOTABLE_DISAGREEMENT = 0.05


def export_network(
    model: keras.Model,
    description: Description,
    file_format: ExportFormat,
    path: Path,
    checked_on: CheckImages,
    reduction: Reduction,
) -> Exported:
    """Write a file, load it in its own runtime, ask it, and put it in its place.

    Args:
        model: uint8 ``(n, height, width, 3)`` to probabilities ``(n, classes)``, on the
            CPU; on TensorFlow, but for the format ``keras``.
        description: Of the model.
        file_format: What to write.
        path: Where nothing is.
        checked_on: What the file is asked about.
        reduction: For ``litert``.

    Raises:
        RunError: The file cannot be made, is not loaded by its runtime, or answers
            otherwise than the model. There is no file then.
        UsageError: The place is taken or cannot be written.
    """
    require_free(path)
    images, batch_size = checked_on.images, evaluation_batch_size(model)
    chosen = find_format(file_format)
    with made_beside(path) as folder:
        made = folder / path.name
        _write(chosen, model, made, path, description, reduction)
        answers = _ask(chosen, made, path, images, batch_size, description)
        expected, speed = _ask_keras(model, images, batch_size)
        off = np.abs(answers.probabilities - expected).max(axis=1)
        leading = expected.max(axis=1)
        _require_agreement(path, off, leading, reduction.precision, checked_on)
        size = _size(made)
        example = write_example(chosen, description, path) if chosen.example else None
        move_into_place(made, path, example)
    found, labels = answers.probabilities, checked_on.labels
    agreeing = int((found.argmax(axis=1) == expected.argmax(axis=1)).sum())
    before = Figures(4 * model.count_params(), speed, _accuracy(expected, labels))
    after = Figures(size, answers.images_per_second, _accuracy(found, labels))
    return Exported(
        path,
        example_path(path) if chosen.example else None,
        file_format,
        reduction.precision,
        len(images),
        checked_on.origin,
        float(off.max()),
        float(off.mean()),
        TOLERANCES[reduction.precision],
        agreeing,
        answers.load_seconds,
        after,
        before,
        _list_notes(description, checked_on, answers),
        _compare_accuracies(
            path, before.accuracy, after.accuracy, agreeing, checked_on
        ),
    )


def find_format(name: ExportFormat) -> FileFormat:
    """How a format is written and asked; its module is loaded only now."""
    module = importlib.import_module(f"cifarcnn.export.{name}_format")
    found: FileFormat = module.FORMAT
    return found


def _write(
    chosen: FileFormat,
    model: keras.Model,
    made: Path,
    path: Path,
    description: Description,
    reduction: Reduction,
) -> None:
    try:
        chosen.write(model, made, description, reduction)
    except Exception as error:
        # Of a full disk TensorFlow has no exception of its own, but the words.
        for full in map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)):
            if full in str(error):
                raise RunError(
                    f"{path} is not written: {full}, there or in the temporary folder "
                    f"{tempfile.gettempdir()}. Nothing is left of it."
                ) from error
        # Whatever a converter meets, the user has the run and needs the reason.
        raise RunError(f"{path} cannot be made: {first_line(error)}") from error


def _ask(
    chosen: FileFormat,
    made: Path,
    path: Path,
    images: Array,
    batch_size: int,
    description: Description,
) -> Answers:
    classes = len(description.classes)
    try:
        return chosen.ask(made, images, batch_size, classes)
    except Exception as error:
        if isinstance(error, CifarcnnError):
            text = str(error)
        else:
            text = f"its own runtime does not load it: {first_line(error)}"
        raise RunError(f"{path} is not made: {text}") from error


def _ask_keras(
    model: keras.Model, images: Array, batch_size: int
) -> tuple[Array, float]:
    """Its probabilities, and how many images it answers in a second."""
    with keras.device("cpu:0"):
        predict_probabilities(model, images[:batch_size], batch_size)
        start = time.perf_counter()
        rows = predict_probabilities(model, images, batch_size)
        seconds = max(time.perf_counter() - start, 1e-9)
    return rows, len(images) / seconds


def _require_agreement(
    path: Path,
    off: Array,
    leading: Array,
    precision: ExportPrecision,
    checked_on: CheckImages,
) -> None:
    """See that the file answers as the network does.

    Args:
        path: What the file would be.
        off: Of each image the largest difference of a probability.
        leading: Of each image the network's largest probability.
        precision: Of the file.
        checked_on: The images.
    """
    allowed = TOLERANCES[precision]
    found = float(off.mean() if precision == "int8" else off.max())
    mean = " on average" if precision == "int8" else ""
    # Not so for numbers that are not finite either.
    if not found <= allowed:
        raise RunError(
            f"{path} is not made: its probabilities differ from the network's by "
            f"{'' if mean else 'up to '}{found:.2g}{mean}, on {len(off):,} "
            f"{checked_on.origin}, where {allowed:g} would be all right."
        )
    shares = off / np.minimum(leading, _LEADING)
    found = float(shares.mean() if precision == "int8" else shares.max())
    allowed /= _LEADING
    if not found <= allowed:
        raise RunError(
            f"{path} is not made: its probabilities differ from the network's by "
            f"{'' if mean else 'up to '}{found:.2%} of the largest one{mean}, on "
            f"{len(off):,} {checked_on.origin}, where {allowed:.2%} would be all right."
        )


def _accuracy(rows: Array, labels: Array | None) -> float | None:
    return None if labels is None else float((rows.argmax(axis=1) == labels).mean())


def _compare_accuracies(
    path: Path,
    before: float | None,
    after: float | None,
    agreeing: int,
    checked_on: CheckImages,
) -> str | None:
    if before is None or after is None:
        share = 1 - agreeing / len(checked_on.images)
        if share <= _NOTABLE_DISAGREEMENT:
            return None
        return (
            f"{path} names another class than the network for {share:.0%} of "
            f"{len(checked_on.images):,} {checked_on.origin}. How accurate it is is "
            "not known."
        )
    if before - after <= _NOTABLE_LOSS:
        return None
    return (
        f"{path} is {before - after:.2%} less accurate than the network: {after:.2%} "
        f"instead of {before:.2%}, on {len(checked_on.images):,} {checked_on.origin}."
    )


def _list_notes(
    description: Description, checked_on: CheckImages, answers: Answers
) -> tuple[str, ...]:
    notes = [note for note in (checked_on.note, answers.note) if note]
    if description.views != "none":
        notes.append(
            "predict and evaluate look at several views of each picture "
            f"(evaluation.test_time_augmentation: {description.views}); the file looks "
            "at one, and so did the network here."
        )
    return tuple(notes)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
