"""The process that trains one trial after another; ``workers`` starts it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError

from cifarcnn import engine
from cifarcnn.errors import CifarcnnError, RunError, Stopped, first_line
from cifarcnn.search.folder import StudyFolder, open_study
from cifarcnn.search.objective import Objective, TakenAway, TrialFailed
from cifarcnn.search.retries import give_back
from cifarcnn.search.space import open_space
from cifarcnn.search.storage import database_errors_told, quiet_optuna
from cifarcnn.search.study import has_more, open_optuna_study
from cifarcnn.signals import ending_signals_handled
from cifarcnn.training.stop_request import StopRequest

# So many failures in a row, for one reason, are not those of the settings.
_MOST_FAILURES = 3


def main() -> None:
    """Work as the first line of standard input says, until nothing is left to do.

    The last line of standard output is a JSON object; its ``error`` is a sentence, or
    null. A signal, or the end of whoever holds standard input, ends the training in
    work after saving it.
    """
    answer = os.fdopen(os.dup(1), "w")
    # What libraries print is no part of it.
    os.dup2(2, 1)
    task = json.loads(sys.stdin.readline())
    use_cores(task["cores"])
    request = StopRequest()
    error: str | None = None
    with ending_signals_handled(request.signals.append):
        threading.Thread(target=_stop_with_parent, daemon=True).start()
        folder = open_study(Path(task["folder"]))
        try:
            with folder.worker_lock(task["name"]).acquire(timeout=0):
                work(
                    folder,
                    task["name"],
                    task["storage"],
                    request,
                    task["given"],
                    own_process=True,
                )
        except CifarcnnError as caught:
            error = str(caught)
        except Exception as caught:
            error = f"{type(caught).__name__}: {first_line(caught)}"
    print(json.dumps({"error": error}), file=answer, flush=True)
    # Threads of a library that still wait for something are not waited for.
    os._exit(0)


def use_cores(cores: list[int]) -> None:
    """Leave the other cores to the other processes: libraries start as many threads."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def work(
    folder: StudyFolder,
    name: str,
    storage: str | None,
    request: StopRequest,
    given: Mapping[str, Any],
    *,
    own_process: bool = False,
) -> None:
    """Train trials until nothing is left to begin.

    Args:
        folder: Of the study on this machine.
        name: Of the worker.
        storage: URL of the database; ``None``: the file in the folder.
        request: What ends it, after saving.
        given: Further arguments of ``api.train``: device, backend and fetch.
        own_process: Whether the process does nothing else.

    Raises:
        CifarcnnError: No trial can be trained here, or the database does not answer.
            The one in work waits for another process.
    """
    quiet_optuna()
    space = open_space(folder)
    base = space.base
    # Before Keras is imported, which cannot be moved to another device afterwards.
    engine.start(
        given["device"],
        given["backend"],
        configured=base.training.backend,
        deterministic=base.training.deterministic,
    )
    shown = storage or folder.default_storage
    with database_errors_told(shown):
        study = open_optuna_study(folder, storage, space)
        objective = Objective(folder, study, space, name, given, request, own_process)
        while not _is_asked_to_end(request) and has_more(study, folder, space):
            _run_one(study, objective)
            if len(objective.failures) >= _MOST_FAILURES:
                raise RunError(
                    f"{_MOST_FAILURES} trials failed one after the other, the last: "
                    f"{objective.failures[-1]}"
                )


def _is_asked_to_end(request: StopRequest) -> bool:
    return bool(request.signals) or request.seconds_left() <= 0


def _run_one(study: optuna.Study, objective: Objective) -> None:
    try:
        study.optimize(objective, n_trials=1, catch=(TrialFailed,))
    except (TakenAway, UpdateFinishedTrialError):
        return
    except ValueError as error:
        # What Optuna says of a trial that is over already.
        if not str(error).startswith("Cannot tell a "):
            raise
    except Stopped:
        # A signal, or the time is up: the loop sees which.
        _let_wait(study, objective)
    except BaseException:
        _let_wait(study, objective)
        raise


def _let_wait(study: optuna.Study, objective: Objective) -> None:
    if objective.trial is None:
        return
    trial = study._storage.get_trial(objective.trial._trial_id)
    give_back(study, trial, killed=False)


def _stop_with_parent() -> None:
    """Save what is in work when the search that waits for it ends, however it ends."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
