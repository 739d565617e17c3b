"""Trials that were cut, made to go on: by the process that stops, or by others."""

from __future__ import annotations

import contextlib
import copy
import warnings

import optuna
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from cifarcnn.search.trials import (
    CUTS,
    MOST_CUTS,
    OUTCOME,
    SENTENCE,
    WORKER,
    list_trials,
    newest_epoch,
)


def _enqueue(study: optuna.Study, trial: FrozenTrial) -> None:
    with warnings.catch_warnings():
        # It is marked as experimental.
        warnings.simplefilter("ignore")
        RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True)(study, trial)


def note_cut(study: optuna.Study, trial: FrozenTrial) -> None:
    """Let a trial whose process ended wait for another one: Optuna calls it."""
    cuts = [*trial.user_attrs.get(CUTS, []), newest_epoch(trial)]
    _enqueue(study, _changed(trial, {CUTS: cuts}))


def give_back(study: optuna.Study, trial: FrozenTrial, *, killed: bool) -> bool:
    """End a trial that is not over, and let it wait for another process.

    Args:
        study: That it belongs to.
        trial: As it was read last.
        killed: Whether its process ended before it could save what it had.

    Returns:
        Whether it did; not where it came to an end meanwhile.
    """
    storage = study._storage
    with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    newest = storage.get_trial(trial._trial_id)
    if newest.state != TrialState.FAIL or OUTCOME in newest.user_attrs:
        return False
    if killed:
        note_cut(study, newest)
    else:
        _enqueue(study, _changed(newest, {}))
    return True


def mend(study: optuna.Study) -> None:
    """Let those wait that a process gave back, which ended before it was done with it.

    Two that do so at once make two of one trial, of which :func:`gather` takes the
    first.
    """
    for trial in list_trials(study):
        if trial.state == "cut":
            note_cut(study, trial.newest)


def ended_too_often(trial: FrozenTrial) -> str | None:
    """Why a trial shall not be begun again; ``None`` where it shall."""
    cuts = trial.user_attrs.get(CUTS, [])[-MOST_CUTS:]
    if len(cuts) < MOST_CUTS or len(set(cuts)) > 1:
        return None
    return (
        f"its process was ended {MOST_CUTS} times after {cuts[0]} epochs; perhaps the "
        "memory of this machine is too little for it"
    )


def _changed(trial: FrozenTrial, attributes: dict[str, object]) -> FrozenTrial:
    """The same with other attributes, to make one that goes on with it."""
    kept = {**trial.user_attrs, **attributes}
    for name in (WORKER, OUTCOME, SENTENCE):
        kept.pop(name, None)
    changed = copy.deepcopy(trial)
    changed.user_attrs = kept
    return changed
