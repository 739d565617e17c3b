"""One worker in this process: trials, their runs, and what is not trained."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import cifarcnn
from cifarcnn.config import load_config
from cifarcnn.errors import DataError, RunError
from cifarcnn.runs import Run
from cifarcnn.search.folder import StudyFolder, open_study
from cifarcnn.search.retries import give_back
from cifarcnn.search.summary import search_to_json, write_best
from cifarcnn.search.trials import best_trials, count, list_trials
from cifarcnn.training.stop_request import StopRequest
from tests.search.conftest import POOLINGS, RATE, begin, open_both, train
from tests.training.conftest import result


class EndAfter(StopRequest):
    """A time that is up when it was asked for so often."""

    def __init__(self, questions: int) -> None:
        super().__init__(max_minutes=5)
        self.questions = questions

    def seconds_left(self) -> float:
        self.questions -= 1
        return math.inf if self.questions >= 0 else -1.0


@pytest.fixture(scope="module")
def grid(tiny: Path) -> tuple[StudyFolder, Any]:
    """All four combinations, of which one cannot exist."""
    folder = begin(POOLINGS, sampler="grid")
    return folder, train(folder, 4)


def test_every_combination_is_trained_but_for_the_one_that_cannot_exist(grid: Any):
    folder, study = grid
    trials = list_trials(study)
    assert sorted(trial.state for trial in trials) == [
        *["finished"] * 3,
        "impossible",
    ]
    assert count(trials) == 3
    (refused,) = [trial for trial in trials if trial.state == "impossible"]
    assert set(refused.newest.params.values()) == {"16", "8"}
    assert refused.sentence == (
        "model.layers[1]: a window of 8x8 does not fit into maps of 2x2"
    )
    trained = {f"{trial.number:04d}" for trial in trials if trial is not refused}
    assert {path.name for path in (folder.path / "trials").iterdir()} == trained


def test_the_trials_are_runs_like_any_other(grid: Any):
    folder, study = grid
    for trial in best_trials(list_trials(study), 3):
        run = Run.open_finished(folder.run_path(trial.number))
        kept = run.read_metrics()["kept"]
        assert isinstance(kept, dict) and kept["val_accuracy"] == trial.value
        assert trial.epochs == 2 == len(run.read_history())
        assert "epoch 2: loss " in run.log_path.read_text()
    loaded = cifarcnn.load_run(folder.run_path(0), device="cpu")
    assert loaded.evaluate("validation").examples == 12


def test_the_best_config_is_ready_to_train(grid: Any):
    folder, study = grid
    trials = list_trials(study)
    write_best(folder, open_both(folder)[1], trials)
    best = best_trials(trials, 1)[0]
    text = (folder.path / "best.yaml").read_text()
    assert text.startswith(
        f"# Trial {best.number} of {folder.path}, validation accuracy "
        f"{best.value:.2%}.\n# cifarcnn train --config {folder.path}/best.yaml\n"
    )
    config = load_config(folder.path / "best.yaml")
    assert config == Run.open(folder.run_path(best.number)).config


def test_the_document_has_every_trial(grid: Any):
    folder, study = grid
    trials = list_trials(study)
    document = json.loads(json.dumps(search_to_json(folder, study, trials, 4)))
    assert document["states"] == {"finished": 3, "impossible": 1}
    assert document["best"] == document["trials"][document["best"]["trial"]]
    assert document["best"]["run"] == str(folder.run_path(document["best"]["trial"]))
    assert {tuple(each["attempts"]) for each in document["trials"]} == {
        (0,),
        (1,),
        (2,),
        (3,),
    }
    refused = [each for each in document["trials"] if each["state"] == "impossible"]
    assert refused[0]["run"] is None and refused[0]["reason"]


@pytest.mark.slow
def test_a_trial_that_is_stopped_goes_on_to_the_same_bits(tiny: Path):
    whole, cut = begin((RATE,), path=Path("whole")), begin((RATE,), path=Path("cut"))
    expected = train(whole, 1)
    study = train(cut, 1, EndAfter(4))
    (trial,) = list_trials(study)
    assert (trial.state, len(trial.attempts)) == ("waiting", 2)
    assert not Run(cut.run_path(0)).finished
    assert Run(cut.run_path(0)).has_weights

    study = train(cut, 1)
    (trial,) = list_trials(study)
    assert (trial.number, trial.state, trial.epochs) == (0, "finished", 2)
    assert [each.number for each in trial.attempts] == [0, 1]
    assert trial.newest.params == list_trials(expected)[0].newest.params
    assert result(Run(cut.run_path(0))) == result(Run(whole.run_path(0)))


@pytest.mark.slow
def test_the_same_settings_are_not_trained_twice(tiny: Path):
    folder = begin(("training.batch_size=16,32",), path=Path("few"))
    study = train(folder, 5)
    trials = list_trials(study)
    assert count(trials) == 2
    trained = [trial.number for trial in trials if trial.state == "finished"]
    assert len(trained) == 2
    repeated = [trial for trial in trials if trial.state == "repeated"]
    assert all(trial.sentence == f"as trial {trained[0]}" for trial in repeated)
    assert len(trials) == 2 + len(repeated)


@pytest.mark.slow
def test_a_trial_that_diverges_has_failed_and_the_search_goes_on(tiny: Path):
    folder = begin(
        ("optimizer.learning_rate=1000,0.01",),
        settings=("training.optimizer=SGD",),
        path=Path("far"),
        sampler="grid",
    )
    states = {trial.sentence: trial.state for trial in list_trials(train(folder, 2))}
    assert sorted(states.values()) == ["diverged", "finished"]
    assert any("not finite" in sentence for sentence in states)


@pytest.mark.slow
def test_a_trial_that_another_process_took_is_left_to_it(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
):
    """As when a machine sleeps for longer than its heartbeat is waited for."""
    from cifarcnn.search.pruning import ReportToStudy

    report = ReportToStudy.on_epoch_end
    folder = begin((RATE,), path=Path("slept"))

    def taken_meanwhile(told: Any, epoch: int, logs: Any = None) -> None:
        if told.trial.number == 0:
            give_back(told.trial.study, told.trial.study.trials[0], killed=True)
        report(told, epoch, logs)

    monkeypatch.setattr(ReportToStudy, "on_epoch_end", taken_meanwhile)
    (trial,) = list_trials(train(folder, 1))
    assert (trial.state, trial.epochs, len(trial.attempts)) == ("finished", 2, 2)
    assert len(Run.open_finished(folder.run_path(0)).read_history()) == 2


@pytest.mark.slow
def test_a_folder_that_was_moved_has_its_runs_still(tiny: Path):
    folder = begin((RATE,), path=Path("before"))
    train(folder, 1, EndAfter(4))
    Path("before").rename("after")
    moved = open_study(Path("after"))
    (trial,) = list_trials(train(moved, 1))
    assert (trial.state, trial.newest.user_attrs.get("notes")) == ("finished", None)
    assert Run.open_finished("after/trials/0000")


@pytest.mark.slow
def test_a_pruned_trial_is_a_finished_run(tiny: Path, monkeypatch: pytest.MonkeyPatch):
    import optuna

    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: True)
    folder = begin((RATE,), path=Path("early"))
    (trial,) = list_trials(train(folder, 1))
    assert (trial.state, trial.epochs) == ("pruned", 1)
    assert len(Run.open_finished(folder.run_path(0)).read_history()) == 1


@pytest.mark.slow
def test_what_hits_every_trial_ends_the_search(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*arguments: Any, **named: Any) -> Any:
        raise RunError("the disk is full.")

    folder = begin((RATE,), path=Path("full"))
    with monkeypatch.context() as patch:
        patch.setattr("cifarcnn.api.train", fail)
        with pytest.raises(RunError) as told:
            train(folder, 9)
    assert str(told.value) == (
        "3 trials failed one after the other, the last: the disk is full."
    )


@pytest.mark.slow
def test_other_images_than_those_of_the_study_are_refused(tiny: Path):
    folder = begin((RATE,), path=Path("others"))
    study, _ = open_both(folder)
    study.set_user_attr("data", "0123456789abcdef")
    with pytest.raises(DataError) as told:
        train(folder, 1)
    assert str(told.value).startswith("The data here has the checksum ")
    assert str(told.value).endswith(
        ", and the study was begun with data of 0123456789ab: results on both cannot "
        "be compared. Bring the same data to every machine."
    )
    # It waits for a machine that has them.
    (trial,) = list_trials(study)
    assert trial.state == "waiting"
