"""One training of the command line, with its displays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from cifarcnn.config import Config
    from cifarcnn.runs import Run

Result = TypeVar("Result")


def train(
    config: Config,
    path: str | Path | None,
    smoke: bool,
    given: Mapping[str, Any],
    seeds_left: int = 1,
) -> Path:
    """Train a config in a new run, and show it.

    Args:
        config: What to train.
        path: The folder; None takes the next free one.
        smoke: Whether it shall be a trial on few images.
        given: Further arguments of ``api.train``.
        seeds_left: How many trainings of this length are still to come, with this one.

    Returns:
        The folder of the run.
    """
    from cifarcnn import api

    def work(**displays: Any) -> Path:
        return api.train(config, path, smoke=smoke, **given, **displays).path

    return with_displays(work, seeds_left)


def resume(
    run: Run, config: Config, given: Mapping[str, Any], seeds_left: int = 1
) -> Path:
    """Go on with a run, whose config may have changed, and show it."""
    from cifarcnn import api

    def work(**displays: Any) -> Path:
        api.continue_training(run, config, **given, **displays)
        return run.path

    return with_displays(work, seeds_left)


def with_displays(work: Callable[..., Result], seeds_left: int) -> Result:
    """What ``work`` gives, which is told what to tell of its progress."""
    from cifarcnn.cli import console
    from cifarcnn.cli.fetch_display import open_fetch_display
    from cifarcnn.cli.progress import open_display

    with console.native_output() as native:
        # Inside, that descriptor leads to the log of the run.
        with (
            open_fetch_display() as fetch_display,
            open_display(log=native.log, log_moved=native.move_to) as display,
        ):
            display.seeds_left = seeds_left
            return work(observer=display, fetch_observer=fetch_display)
