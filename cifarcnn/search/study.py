"""The study in the database: opened, and what is left of it to do."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.trial import TrialState

from cifarcnn.config.search_space import SearchSpace
from cifarcnn.errors import RunError
from cifarcnn.search.folder import StudyFolder
from cifarcnn.search.packages import with_driver
from cifarcnn.search.retries import note_cut
from cifarcnn.search.samplers import count_grid, make_pruner, make_sampler
from cifarcnn.search.storage import open_storage
from cifarcnn.search.trials import SearchTrial, count, list_trials

# Attributes of the study in the storage.
LIMIT = "trials"  # how many were asked for
FINGERPRINT = "fingerprint"
DATA = "data"  # the checksum of the images

USUAL_TRIALS = 30
# So many settings in a row that cannot be trained, or were before: there are no others.
MOST_IN_VAIN = 50


def open_optuna_study(
    folder: StudyFolder, storage: str | None, space: SearchSpace
) -> optuna.Study:
    """The study of a folder; made where the database has none of its name.

    Args:
        folder: Of this machine.
        storage: The URL of the database; ``None``: the file in the folder.
        space: What varies.

    Raises:
        RunError: The database cannot be opened, or has another search of that name.
    """
    settings = folder.settings
    url = with_driver(storage) if storage else folder.default_storage
    study = optuna.create_study(
        storage=open_storage(url, note_cut),
        study_name=settings.study,
        direction="maximize",
        load_if_exists=True,
        sampler=make_sampler(settings.sampler, space, 0),
        pruner=make_pruner(settings.pruner, space),
    )
    if study.user_attrs.get(FINGERPRINT, settings.fingerprint) != settings.fingerprint:
        raise RunError(
            f"The database has another search by the name {settings.study}. Use "
            "another database."
        )
    study.set_user_attr(FINGERPRINT, settings.fingerprint)
    return study


def read_limit(study: optuna.Study) -> int:
    """How many trials were asked for so far, by whichever command asked for most."""
    found = study.user_attrs.get(LIMIT, 0)
    return found if isinstance(found, int) else 0


def ask_for(study: optuna.Study, trials: int) -> None:
    """Let the study have so many trials in all."""
    if trials > read_limit(study):
        study.set_user_attr(LIMIT, trials)


def count_in_vain(trials: Sequence[SearchTrial]) -> int:
    """How many in a row, the newest included, had settings that were not trained."""
    found = 0
    for trial in reversed([each for each in trials if each.state != "surplus"]):
        if trial.counts:
            break
        found += 1
    return found


def has_more(study: optuna.Study, folder: StudyFolder, space: SearchSpace) -> bool:
    """Whether a worker finds a trial to begin, or to go on with."""
    trials = list_trials(study)
    if any(trial.newest.state == TrialState.WAITING for trial in trials):
        return True
    if count(trials) >= read_limit(study):
        return False
    if all(parameter.count is not None for parameter in space.parameters):
        known = [trial.newest.params for trial in trials if trial.state != "surplus"]
        different = {tuple(sorted(params.items())) for params in known if params}
        if len(different) >= count_grid(space):
            return False
    return count_in_vain(trials) < MOST_IN_VAIN


def is_over(study: optuna.Study, folder: StudyFolder, space: SearchSpace) -> bool:
    """Whether nothing is left to do, on any machine."""
    ended = all(trial.ended for trial in list_trials(study))
    return ended and not has_more(study, folder, space)


def usual_limit(folder: StudyFolder, space: SearchSpace) -> int:
    """How many trials are usual: of a grid all."""
    return count_grid(space) if folder.settings.sampler == "grid" else USUAL_TRIALS
