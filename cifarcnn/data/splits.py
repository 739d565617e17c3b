"""Images with their labels, and the cut into training and validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cifarcnn.data.selected_rows import select_rows
from cifarcnn.errors import DataError, UsageError

# Keeps these draws apart from every other use of the same seed. "split" in ASCII.
_STREAM = 0x73706C6974


@dataclass(frozen=True)
class Split:
    """Images and the class of each.

    Attributes:
        images: uint8 ``(n, height, width, 3)``, red, green, blue, 0 to 255; in memory,
            or in a file.
        labels: uint8 ``(n,)``, the number of the class of each image.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def cut_validation(
    split: Split, class_names: Sequence[str], fraction: float, seed: int
) -> tuple[Split, Split | None]:
    """Cut a validation split out of ``split``, in the same proportion from every class.

    From a class of ``n`` images go ``round(fraction * n)``, but at least one: with
    classes of equal size, the same number from each. Which ones depends on ``seed``
    alone, and not on the version of NumPy: its raw bit streams are frozen, unlike its
    shuffles (NEP 19). Both parts keep the order of the images.

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
    if not 0 <= fraction < 1:
        raise UsageError(
            f"validation_fraction is {fraction}, expected 0 or more and less than 1."
        )
    if seed < 0:
        raise UsageError(f"seed is {seed}, expected 0 or more.")
    if fraction == 0:
        return split, None
    draws = np.random.Philox([seed, _STREAM]).random_raw(len(split))
    chosen = np.zeros(len(split), dtype=bool)
    for label, name in enumerate(class_names):
        members = np.flatnonzero(split.labels == label)
        count = max(1, round(fraction * len(members)))
        if count >= len(members):
            raise DataError(
                f"validation_fraction {fraction} takes {count} of the {len(members)} "
                f"training pictures of the class {name} and leaves none to train on. "
                "Make it smaller, set it to 0, or add pictures."
            )
        chosen[members[np.argsort(draws[members], kind="stable")[:count]]] = True
    return (
        _select(split, np.flatnonzero(~chosen)),
        _select(split, np.flatnonzero(chosen)),
    )


def _select(split: Split, places: np.ndarray) -> Split:
    return Split(select_rows(split.images, places), split.labels[places])
