"""The images of the data set in which exciting patches are looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarcnn.errors import DataError
from cifarcnn.explanation.explanation import Missing

if TYPE_CHECKING:
    import numpy as np

    from cifarcnn.config import Config
    from cifarcnn.data.dataset import Dataset

    Array = np.ndarray[Any, Any]

MOST_IMAGES = 2000
FEWEST_IMAGES = 32
# Multiply-accumulates for all images together: a few seconds on two cores.
MOST_MACS = 2 * 10**11


@dataclass(frozen=True, eq=False)
class References:
    """Images evenly spread over a split; never the test split.

    Attributes:
        split: ``validation``, or ``training`` where there is no validation split.
        images: uint8 ``(n, 32, 32, 3)``.
        index: int ``(n,)``: the number of each in its split.
        labels: The name of the class of each.
        note: Where they come from, in a sentence.
    """

    split: str
    images: Array
    index: Array
    labels: tuple[str, ...]
    note: str


def choose_references(
    open_data: Callable[[], Dataset], config: Config, macs: int
) -> References | Missing:
    """Images of the validation split, or of the training split.

    Args:
        open_data: Opens the data set of the config.
        config: Says how the validation split was cut.
        macs: Multiply-accumulates of the network for one image: a large network looks
            at fewer images than the 2,000 that a small one looks at.

    Returns:
        Why there are none, where the data set is not on this machine.
    """
    import numpy as np

    try:
        dataset = open_data()
        training, validation = dataset.training(
            config.data.validation_fraction, config.training.seed
        )
    except DataError as error:
        return Missing(
            f"The pictures that the network learnt from are not here. {error}"
        )
    source = training if validation is None else validation
    split = "training" if validation is None else "validation"
    affordable = max(FEWEST_IMAGES, MOST_MACS // max(macs, 1))
    count = min(len(source), MOST_IMAGES, affordable)
    index = np.arange(count) * len(source) // count
    note = f"The patches come from {count:,} of the {len(source):,} {split} pictures."
    if validation is None:
        note += (
            " The network has learnt from them, since no validation pictures were kept "
            "apart."
        )
    if dataset.notice:
        note += f" They are {dataset.notice}."
    return References(
        split=split,
        images=source.images[index],
        index=index,
        labels=tuple(dataset.class_names[label] for label in source.labels[index]),
        note=note,
    )
