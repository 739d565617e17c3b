"""Images with their labels, and the cut into training and validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cifarcnn.data.folder.class_folders import list_some
from cifarcnn.data.selected_rows import select_rows
from cifarcnn.errors import DataError, UsageError

# Keeps these draws apart from every other use of the same seed. "split" in ASCII.
_STREAM = 0x73706C6974
_FOLDS = 0x666F6C6473  # "folds"


@dataclass(frozen=True)
class Split:
    """Images and the class of each.

    Attributes:
        images: uint8 ``(n, height, width, 3)``, red, green, blue, 0 to 255; in memory,
            or in a file.
        labels: uint8 ``(n,)``, the number of the class of each image; uint16 where
            there are more than 256 classes.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def label_type(classes: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The type of labels of so many classes: uint8, from 257 classes on uint16."""
    return np.min_scalar_type(classes - 1)


def cut_validation(
    split: Split, class_names: Sequence[str], fraction: float, seed: int
) -> tuple[Split, Split | None]:
    """Cut a validation split out of ``split``, in the same proportion from every class.

    Args:
        split: The images to divide.
        class_names: The name of each class.
        fraction: The part to cut off, 0 or more and less than 1. 0 cuts nothing.
        seed: 0 or more.

    Returns:
        What is left for training, and the validation split or ``None``.

    Raises:
        UsageError: ``fraction`` or ``seed`` is out of range.
        DataError: A class would have nothing left to train on.
    """
    check_cut(fraction, seed)
    if fraction == 0:
        return split, None
    return divide(split, choose_validation(split.labels, class_names, fraction, seed))


def check_cut(fraction: float, seed: int) -> None:
    """Hold the arguments of a cut against their ranges.

    Raises:
        UsageError: One is out of range.
    """
    if not 0 <= fraction < 1:
        raise UsageError(
            f"validation_fraction is {fraction}, expected 0 or more and less than 1."
        )
    if seed < 0:
        raise UsageError(f"seed is {seed}, expected 0 or more.")


def choose_validation(
    labels: np.ndarray, class_names: Sequence[str], fraction: float, seed: int
) -> np.ndarray:
    """Which images go to validation, in the same proportion from every class.

    From a class of ``n`` images go ``round(fraction * n)``, but at least one: with
    classes of equal size, the same number from each. Which ones depends on ``seed``
    alone, and not on the version of NumPy: its raw bit streams are frozen, unlike its
    shuffles (NEP 19).

    Returns:
        bool ``(n,)``.

    Raises:
        DataError: A class would have nothing left to train on.
    """
    draws = np.random.Philox([seed, _STREAM]).random_raw(len(labels))
    chosen = np.zeros(len(labels), dtype=bool)
    for label, name in enumerate(class_names):
        members = np.flatnonzero(labels == label)
        count = max(1, round(fraction * len(members)))
        if count >= len(members):
            raise DataError(
                f"validation_fraction {fraction} takes {count} of the {len(members)} "
                f"training pictures of the class {name} and leaves none to train on. "
                "Make it smaller, set it to 0, or add pictures."
            )
        chosen[members[np.argsort(draws[members], kind="stable")[:count]]] = True
    return chosen


def choose_fold(
    labels: np.ndarray, class_names: Sequence[str], fold: tuple[int, int]
) -> np.ndarray:
    """Which images are in one fold; of every class as many as in another, or one more.

    Every image is in one of the folds, whatever the seed of a training.

    Args:
        labels: The class of each image.
        class_names: The name of each class.
        fold: Its number, from 1 on, and the number of folds.

    Returns:
        bool ``(n,)``.

    Raises:
        DataError: A class would have nothing left to train on.
    """
    number, count = fold
    draws = np.random.Philox([_FOLDS]).random_raw(len(labels))
    chosen = np.zeros(len(labels), dtype=bool)
    for label in range(len(class_names)):
        members = np.flatnonzero(labels == label)
        order = np.argsort(draws[members], kind="stable")
        chosen[members[order[number - 1 :: count]]] = True
    require_training_images(labels, chosen, class_names, f"data.fold {number}/{count}")
    return chosen


def require_training_images(
    labels: np.ndarray, chosen: np.ndarray, class_names: Sequence[str], what: str
) -> None:
    """Hold a cut against what is left to train on.

    Args:
        labels: The class of each image.
        chosen: Which of them go to validation, bool ``(n,)``.
        class_names: The name of each class.
        what: The key that says so, with its value.

    Raises:
        DataError: Some classes have nothing left, or nothing was chosen.
    """
    left = np.bincount(labels[~chosen], minlength=len(class_names))
    empty = [name for name, count in zip(class_names, left, strict=True) if not count]
    if empty:
        raise DataError(
            f"{what} takes every picture of {list_some(empty)} for validation and "
            "leaves none to train on. Add pictures, or take fewer for validation."
        )
    if not chosen.any():
        raise DataError(
            f"{what} takes none of the {len(labels):,} pictures for validation: they "
            "are too few. Add pictures, take a larger share, or set "
            "data.validation_fraction to 0."
        )


def divide(split: Split, chosen: np.ndarray) -> tuple[Split, Split]:
    """What was not chosen, and what was; both keep the order of the images."""
    return (
        _select(split, np.flatnonzero(~chosen)),
        _select(split, np.flatnonzero(chosen)),
    )


def _select(split: Split, places: np.ndarray) -> Split:
    return Split(select_rows(split.images, places), split.labels[places])
