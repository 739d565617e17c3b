"""Where the run of a trial lies: never where a run of other settings does."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cifarcnn.config import Config
from cifarcnn.config.search_space.fixed_keys import comparable
from cifarcnn.errors import CifarcnnError
from cifarcnn.runs import Run
from cifarcnn.runs.file_lock import LOCK
from cifarcnn.runs.folder import LOG
from cifarcnn.search.folder import StudyFolder, is_study, open_study
from cifarcnn.search.trials import FOLDER, HOME, PLACE


def find_run(
    folder: StudyFolder, number: int, config: Config, before: Mapping[str, Any]
) -> tuple[Path, dict[str, object], list[str]]:
    """Where the run of a trial lies, or shall.

    A study that is restored from a copy knows less than there is: its next trials have
    the numbers of runs of others.

    Args:
        folder: Of the study on this machine.
        number: Of the trial.
        config: Of its settings.
        before: The attributes of what was begun before.

    Returns:
        The folder, what finds it again as attributes of the trial, and what must be
        said about it.
    """
    notes = []
    home = folder
    if before.get(HOME, folder.settings.home) != folder.settings.home:
        elsewhere = Path(before[FOLDER])
        # Several machines may share a disk.
        if is_study(elsewhere) and _is_same(found := open_study(elsewhere), folder):
            home = found
        else:
            notes.append(
                f"begun anew: its run is in {elsewhere}, out of reach of this machine"
            )
    first = int(before.get(PLACE, 1)) if not notes else 1
    places = itertools.count(first)
    place = next(n for n in places if _fits(Run(home.run_path(number, n)), config))
    path = home.run_path(number, place)
    if place != first:
        notes.append(
            f"its run is in {path}, since {home.run_path(number, first)} holds another"
        )
    attributes = {
        FOLDER: str(home.path.absolute()),
        HOME: home.settings.home,
        PLACE: place,
    }
    return path, attributes, notes


def _is_same(found: StudyFolder, folder: StudyFolder) -> bool:
    return found.settings.study == folder.settings.study


def _fits(run: Run, config: Config) -> bool:
    """Whether a trial may go on with what lies in a folder, or begin there."""
    if not os.path.lexists(run.path):
        return True
    try:
        if not run.config_path.exists():
            # It was ended while it began.
            return {*os.listdir(run.path)} <= {LOCK, LOG}
        measured = run.config.data.normalization
        if config.data.normalization == "standard" and not isinstance(measured, str):
            config = config.with_normalization(measured)
        same = comparable(run.config) == comparable(config)
    except (CifarcnnError, OSError):
        return False
    return same and (run.can_go_on or not run.has_weights)
