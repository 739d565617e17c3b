"""Trials that processes leave behind: none is lost, and none is counted twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from cifarcnn.search.retries import ended_too_often, give_back, mend, note_cut
from cifarcnn.search.storage import open_storage
from cifarcnn.search.trials import (
    OUTCOME,
    SENTENCE,
    WORKER,
    best_trials,
    count,
    list_trials,
)


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    storage = open_storage(f"sqlite:///{tmp_path / 'study.db'}", note_cut)
    return optuna.create_study(storage=storage, direction="maximize")


def begin(study: optuna.Study, epochs: int = 0) -> Any:
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    known = trial.storage.get_trial(trial._trial_id).intermediate_values
    for epoch in range(1, epochs + 1):
        if epoch not in known:
            trial.report(epoch / 100, epoch)
    trial.set_user_attr(WORKER, "home/name")
    return trial.storage.get_trial(trial._trial_id)


def test_what_was_cut_waits_with_all_that_it_had(study: optuna.Study):
    first = begin(study, epochs=3)
    assert give_back(study, first, killed=True)
    (trial,) = list_trials(study)
    assert (trial.number, trial.state, trial.epochs) == (0, "waiting", 3)
    assert trial.newest.params == first.params
    assert WORKER not in trial.newest.user_attrs
    again = begin(study, epochs=5)
    assert again.number == 1
    study.tell(again.number, 0.5)
    (trial,) = list_trials(study)
    assert (trial.number, trial.state, trial.value) == (0, "finished", 0.5)
    assert [each.number for each in trial.attempts] == [0, 1]
    assert count([trial]) == 1


def test_what_came_to_an_end_is_not_given_back(study: optuna.Study):
    trial = begin(study)
    study.tell(trial.number, 0.5)
    assert not give_back(study, trial, killed=True)
    refused = begin(study)
    study._storage.set_trial_user_attr(refused._trial_id, OUTCOME, "failed")
    study.tell(refused.number, state=optuna.trial.TrialState.FAIL)
    assert not give_back(study, refused, killed=True)
    assert [each.state for each in list_trials(study)] == ["finished", "failed"]


def test_a_kill_between_the_two_steps_of_giving_back_loses_nothing(study: optuna.Study):
    trial = begin(study, epochs=2)
    study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    assert [each.state for each in list_trials(study)] == ["cut"]
    mend(study)
    mend(study)
    (found,) = list_trials(study)
    assert (found.state, found.epochs, len(study.trials)) == ("waiting", 2, 2)


def test_two_that_mend_at_once_make_one_trial(study: optuna.Study):
    trial = begin(study)
    study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    for _ in range(2):
        note_cut(study, study.trials[0])
    (found,) = list_trials(study)
    assert len(study.trials) == 3
    assert [each.number for each in found.attempts] == [0, 1]


def test_one_that_ends_its_process_each_time_is_not_begun_again(study: optuna.Study):
    for _ in range(3):
        trial = begin(study, epochs=1)
        assert ended_too_often(trial) is None
        give_back(study, trial, killed=True)
    assert ended_too_often(begin(study)) == (
        "its process was ended 3 times after 1 epochs; perhaps the memory of this "
        "machine is too little for it"
    )


def test_neither_stops_nor_kills_with_progress_between_end_it(study: optuna.Study):
    for epochs in (1, 2, 3, 4):
        give_back(study, begin(study, epochs), killed=True)
    for _ in range(4):
        give_back(study, begin(study), killed=False)
    assert ended_too_often(begin(study)) is None


def test_the_best_are_the_finished_ones_in_order(study: optuna.Study):
    for value in (0.5, 0.7, 0.7, 0.6):
        study.tell(begin(study).number, value)
    study.tell(begin(study, 1).number, state=optuna.trial.TrialState.PRUNED)
    refused = begin(study)
    study._storage.set_trial_user_attr(refused._trial_id, OUTCOME, "impossible")
    study._storage.set_trial_user_attr(refused._trial_id, SENTENCE, "why")
    study.tell(refused.number, state=optuna.trial.TrialState.FAIL)
    trials = list_trials(study)
    assert [each.number for each in best_trials(trials, 3)] == [1, 2, 3]
    assert [each.state for each in trials[4:]] == ["pruned", "impossible"]
    assert (trials[5].sentence, count(trials)) == ("why", 5)


@pytest.mark.slow
def test_two_processes_never_begin_the_same_waiting_trial(tmp_path: Path):
    """SQLite has no lock on a row: without one on the file both would."""
    import subprocess
    import sys

    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=open_storage(url), study_name="both")
    for _ in range(40):
        study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.WAITING))
    script = (
        "import optuna, sys\n"
        "from cifarcnn.search.storage import open_storage\n"
        f"study = optuna.load_study(study_name='both', storage=open_storage({url!r}))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(*[study.ask().number for _ in range(20)])\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", script]
    processes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = [process.communicate("\n")[0] for process in processes]
    assert sorted(map(int, " ".join(answers).split())) == list(range(40))
