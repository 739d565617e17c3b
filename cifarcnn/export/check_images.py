"""The images that a file is asked about before anybody gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarcnn.config.datasets import ImageShape
from cifarcnn.data.splits import Split
from cifarcnn.errors import DataError, UsageError
from cifarcnn.literals import ExportPrecision
from cifarcnn.trained_run import TrainedRun

Array = np.ndarray[Any, Any]
# Half a point of accuracy is 25 of them.
_MOST = 5_000
_MADE_UP = 200
_CALIBRATION = 300


@dataclass(frozen=True)
class CheckImages:
    """Images, and what they are.

    Attributes:
        images: uint8 ``(n, height, width, 3)``.
        labels: The class of each; None where accuracy on them would say nothing.
        origin: What they are, for a sentence: ``validation pictures``.
        note: Why they are no validation images; None where they are.
    """

    images: Array
    labels: Array | None
    origin: str
    note: str | None = None


def choose_check_images(trained: TrainedRun, shape: ImageShape) -> CheckImages:
    """Validation images of the run, or the best that is here.

    Raises:
        ConfigError: The config of the run is not valid.
        DataError: They are not where the user says.
        UsageError: The data set lies nowhere, and the user says where.
    """
    try:
        if trained.labelled_folder:
            chosen = _spread(trained.labelled_folder.split, _MOST)
            return CheckImages(
                chosen.images, chosen.labels, f"pictures in {trained.data_path}"
            )
        try:
            chosen = _spread(trained.split("validation"), _MOST)
            return CheckImages(chosen.images, chosen.labels, "validation pictures")
        except UsageError:
            chosen = _spread(trained.split("train"), _MOST)
            return CheckImages(
                chosen.images,
                None,
                "training pictures",
                f"{trained.path} was trained without validation pictures, so there is "
                "no accuracy to compare.",
            )
    except DataError as error:
        if trained.data_path is not None:
            raise
        return CheckImages(
            _make_up(shape),
            None,
            "made-up pictures",
            f"the pictures of the run are not here: {_first_sentence(error)} The file "
            "is compared on pictures drawn by code; --data says where the others are.",
        )


def choose_calibration_images(trained: TrainedRun) -> Array:
    """Training images, by which the ranges of int8 numbers are chosen.

    They are those of the training, also where others are to be judged.

    Raises:
        DataError: They are not here.
    """
    return _spread(_open_calibration(trained), _CALIBRATION).images


def require_images(trained: TrainedRun, precision: ExportPrecision) -> None:
    """See that the images are here that nothing made up can replace.

    Raises:
        ConfigError: The config of the run is not valid.
        DataError: They are not.
    """
    if trained.data_path is not None and not trained.labelled_folder:
        trained.split("train")
    if precision == "int8":
        _open_calibration(trained)


def _open_calibration(trained: TrainedRun) -> Split:
    if trained.labelled_folder:
        trained = TrainedRun(trained.run, trained.manifest)
    try:
        return trained.split("train")
    except DataError as error:
        raise DataError(
            f"int8 needs training pictures to choose the ranges of its numbers by. "
            f"{error}"
        ) from error


def _first_sentence(error: DataError) -> str:
    """Without all the places that were looked at."""
    return str(error).partition(". ")[0].rstrip(".") + "."


def _spread(split: Split, most: int) -> Split:
    """So many, from the first to the last, in case they are sorted."""
    count = len(split)
    places = np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
    return Split(np.asarray(split.images[places]), split.labels[places])


def _make_up(shape: ImageShape) -> Array:
    # Only here: it draws with Pillow.
    from cifarcnn.data.synthetic import draw_images

    drawn = draw_images(_MADE_UP, np.random.default_rng(0)).images
    rows, columns = (
        np.arange(side) * there // side
        for side, there in zip(shape[:2], drawn.shape[1:3], strict=True)
    )
    return np.ascontiguousarray(drawn[:, rows][:, :, columns])
