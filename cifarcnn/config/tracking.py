"""Programs that keep the figures of trainings, and whether they are installed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator

from cifarcnn.config.named_choice import problem
from cifarcnn.errors import UsageError

# Each is also the name of its module, and of the extra that brings it.
Tracker: TypeAlias = Literal["tensorboard", "mlflow", "wandb"]


def _check_once(trackers: list[Tracker]) -> list[Tracker]:
    for tracker in trackers:
        if trackers.count(tracker) > 1:
            raise problem(f"{tracker} is listed twice", "name each once")
    return trackers


Tracking: TypeAlias = Annotated[list[Tracker], AfterValidator(_check_once)]


def find_missing(trackers: Sequence[Tracker]) -> dict[int, tuple[str, str]]:
    """What is wrong with each that is not installed here, and the way out, by place."""
    if not trackers:
        return {}
    from cifarcnn.installed import find_module

    specs = [find_module(tracker) for tracker in trackers]
    return {
        place: (
            f"{tracker} is not installed here",
            f"install it with pip install 'cifarcnn[{tracker}]', or leave it out with "
            "--set training.tracking=[]",
        )
        for place, (tracker, spec) in enumerate(zip(trackers, specs, strict=True))
        # A folder of that name is none: W&B itself leaves a folder `wandb`.
        if spec is None or spec.origin is None
    }


def require_trackers(trackers: Sequence[Tracker]) -> None:
    """See that all are installed, of which none is imported.

    Raises:
        UsageError: Some are not.
    """
    if missing := find_missing(trackers):
        lines = [f"{found}; {way}" for found, way in missing.values()]
        raise UsageError("\n".join(f"training.tracking: {line}" for line in lines))
