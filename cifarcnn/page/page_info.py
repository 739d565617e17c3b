"""What the page says around the story."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """Where a story comes from.

    Attributes:
        run: The folder of the run, as the user knows it.
        label: What the data set says the image shows; None when nobody knows.
        notice: What must be said about the training data, such as that it is
            synthetic; None for nothing.
    """

    run: str
    label: str | None = None
    notice: str | None = None
