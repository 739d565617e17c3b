"""The whole search on this machine: processes that train, watched until all is done."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import TrialState

from cifarcnn.config.search_space import SearchSpace
from cifarcnn.errors import RunError
from cifarcnn.search import trials
from cifarcnn.search.folder import TRIALS, StudyFolder
from cifarcnn.search.observer import SearchObserver
from cifarcnn.search.retries import give_back, mend
from cifarcnn.search.space import open_space
from cifarcnn.search.storage import GRACE_SECONDS, database_errors_told
from cifarcnn.search.study import (
    ask_for,
    has_more,
    is_over,
    open_optuna_study,
    read_limit,
    usual_limit,
)
from cifarcnn.search.trials import SearchTrial, list_trials
from cifarcnn.search.workers import Worker, Workers
from cifarcnn.training.stop_request import StopRequest

_LOOK_SECONDS = 0.5
# So many processes that end in a row, none of which began a trial, all would.
_MOST_ENDS = 4


def search(
    folder: StudyFolder,
    storage: str | None,
    limit: int | None,
    jobs: int,
    request: StopRequest,
    given: Mapping[str, Any],
    observer: SearchObserver,
) -> optuna.Study:
    """Search until as many trials as were asked for are done, or something ends it.

    Args:
        folder: Of the study; held by this process.
        storage: URL of the database; ``None``: the file in the folder.
        limit: How many trials the study shall have in all; ``None``: as many as were
            asked for before, else as many as are usual.
        jobs: How many processes train at once.
        request: Signals, and the time; what is trained then is saved, and waits.
        given: Further arguments of ``api.train``: device, backend and fetch.
        observer: Is told how far it is.

    Returns:
        The study, with all trials.

    Raises:
        CifarcnnError: No trial can be trained here, or the database does not answer.
    """
    space = open_space(folder)
    task = {"storage": storage, "given": given}
    with database_errors_told(storage or folder.default_storage):
        study = open_optuna_study(folder, storage, space)
        _require_its_trials(folder, study)
        ask_for(study, limit or read_limit(study) or usual_limit(folder, space))
        watch = _Watch(folder, study, space, observer)
        with Workers(folder, task, jobs) as workers:
            while not request.signals and request.seconds_left() > 0:
                watch.hear_of_ends(workers.take_ended())
                watch.let_lost_ones_wait({each.name for each in workers.running})
                found = list_trials(study)
                observer.looked(found, read_limit(study))
                if is_over(study, folder, space) and not workers.running:
                    break
                if len(workers.running) < jobs and watch.needs_more(found, workers):
                    workers.start()
                time.sleep(_LOOK_SECONDS)
            if workers.running:
                observer.stopping()
        watch.let_lost_ones_wait(set())
        observer.looked(list_trials(study), read_limit(study))
    return study


def _require_its_trials(folder: StudyFolder, study: optuna.Study) -> None:
    """See that the database is the one that the runs of the folder were begun by.

    Raises:
        RunError: It knows of no trial, while there are runs: new trials would take
            them for their own.
    """
    if study.get_trials(deepcopy=False) or not any((folder.path / TRIALS).glob("*")):
        return
    raise RunError(
        f"{folder.path / TRIALS} has runs, of which the database of the search knows "
        "nothing: it was removed, or is another one. Restore it from a copy, or begin "
        "a new search in another folder with --run; the runs are ordinary ones."
    )


@dataclass
class _Watch:
    """Sees which trials nobody trains any more."""

    folder: StudyFolder
    study: optuna.Study
    space: SearchSpace
    observer: SearchObserver
    ends_in_a_row: int = 0
    # When a trial was first seen that nobody has put a name to.
    nameless: dict[int, float] = field(default_factory=dict)

    def hear_of_ends(self, ended: Sequence[Worker]) -> None:
        """Have the trials of processes that ended go on.

        Raises:
            RunError: A process says why no trial can be trained, or one after the other
                ends before it begins one.
        """
        for worker in ended:
            why = worker.describe_end()
            mine = self._trial_of(worker.name)
            if why is None:
                continue
            if not worker.was_killed:
                raise RunError(f"{why}\nGo on with: {self.folder.resume_command}")
            if mine is not None:
                self.ends_in_a_row = 0
                give_back(self.study, mine, killed=True)
                self.observer.worker_ended(why, trials.first_number(mine))
                continue
            self.ends_in_a_row += 1
            self.observer.worker_ended(why, None)
            if self.ends_in_a_row >= _MOST_ENDS:
                raise RunError(
                    f"{_MOST_ENDS} processes ended one after the other before they "
                    f"began a trial: {why}. What they said is in {worker.log}."
                )

    def needs_more(self, found: Sequence[SearchTrial], workers: Workers) -> bool:
        """Whether another process would find something to do."""
        if not has_more(self.study, self.folder, self.space):
            return False
        waiting = sum(each.state == "waiting" for each in found)
        left = waiting + max(0, read_limit(self.study) - trials.count(found))
        busy = {self._worker_of(each.newest) for each in found} - {None}
        if busy:
            self.ends_in_a_row = 0
        idle = sum(worker.name not in busy for worker in workers.running)
        return left > idle

    def let_lost_ones_wait(self, own: Container[str]) -> None:
        """Give back what nobody trains: here at once, elsewhere after the grace.

        Args:
            own: Processes whose ends are heard of.
        """
        optuna.storages.fail_stale_trials(self.study)
        mend(self.study)
        for trial in self.study.get_trials(
            deepcopy=False, states=(TrialState.RUNNING,)
        ):
            home, _, name = str(trial.user_attrs.get(trials.WORKER, "")).partition("/")
            if home == self.folder.settings.home:
                # Asked again of the database: it may have ended well between the two.
                if name not in own and not self.folder.worker_lives(name):
                    give_back(self.study, trial, killed=True)
            elif not home:
                # Its process ended before it said who it is.
                seen = self.nameless.setdefault(trial.number, time.monotonic())
                if time.monotonic() - seen > GRACE_SECONDS:
                    give_back(self.study, trial, killed=False)

    def _trial_of(self, worker: str) -> optuna.trial.FrozenTrial | None:
        mine = (each for each in self._running() if self._worker_of(each) == worker)
        return next(mine, None)

    def _running(self) -> list[optuna.trial.FrozenTrial]:
        found: list[optuna.trial.FrozenTrial] = self.study.get_trials(
            deepcopy=False, states=(TrialState.RUNNING,)
        )
        return found

    def _worker_of(self, trial: optuna.trial.FrozenTrial) -> str | None:
        home, _, name = str(trial.user_attrs.get(trials.WORKER, "")).partition("/")
        here = home == self.folder.settings.home
        return name if here and trial.state == TrialState.RUNNING else None
