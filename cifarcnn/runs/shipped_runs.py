"""The trained networks that come with the program, each a finished run.

Their weights are float16 and widened when they are read. They belong to the package:
nothing is written into their folders, and their ``model.tflite`` is trusted as its
code is. ``benchmarks/ship_run.py`` makes them.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.errors import RunError

DEFAULT = "speedrun"
CARD = "card.json"


@dataclass(frozen=True)
class Card:
    """What is said of a shipped network.

    Attributes:
        trained_on: The images that it learnt from, in words.
        command: That trained it.
        seed: Of the training.
        validation_accuracy: 0 to 1, on ``validation_pictures``.
        validation_pictures: That were kept apart from those of the training.
        test_accuracy: 0 to 1, on ``test_pictures``, measured once.
        test_accuracy_interval: Its 95 % interval.
        test_pictures: Of the same data set.
    """

    trained_on: str
    command: str
    seed: int
    validation_accuracy: float
    validation_pictures: int
    test_accuracy: float
    test_accuracy_interval: tuple[float, float]
    test_pictures: int


def shipped_runs_folder() -> Path:
    """Where they lie: within the package, in a checkout as in the wheel."""
    return Path(__file__).resolve().parent.parent / "shipped_runs"


def find_shipped_run(name: str) -> Path | None:
    """The folder of a shipped run by its name; ``None`` when there is none of it."""
    # Not joined to the folder: a name may be a path.
    try:
        names = os.listdir(shipped_runs_folder())
    except OSError:
        return None
    return shipped_runs_folder() / name if name in names else None


def is_shipped(folder: Path) -> bool:
    """Whether a run belongs to the package."""
    return folder.resolve().parent == shipped_runs_folder()


def read_card(folder: Path) -> Card:
    """What is said of a shipped network."""
    content = json.loads((folder / CARD).read_text(encoding="utf-8"))
    interval = tuple(content.pop("test_accuracy_interval"))
    return Card(**content, test_accuracy_interval=interval)


def require_own(folder: Path) -> None:
    """See that a run may be changed.

    Raises:
        RunError: It belongs to the package.
    """
    if is_shipped(folder):
        name = folder.resolve().name
        raise RunError(
            f"{name} is the trained network that comes with cifarcnn, and its folder "
            f"stays as it is. `cifarcnn train --config {name}` trains one of your own."
        )
