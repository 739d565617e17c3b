"""A study that is restored from an older copy, beside runs that it does not know."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cifarcnn.runs import Run
from cifarcnn.search.trials import list_trials
from tests.search.conftest import RATE, begin, open_both, train

BATCHES = ("training.batch_size=8,16", RATE)


def read_all(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_trial_never_goes_on_with_a_run_of_other_settings(tiny: Path):
    folder = begin(BATCHES, path=Path("restored"))
    train(folder, 1)
    shutil.copy(folder.path / "study.db", "copy.db")
    # As a search that chose otherwise would have left it.
    shutil.copytree(folder.run_path(0), folder.run_path(1))
    other = folder.run_path(1)
    before = read_all(other)
    shutil.copy("copy.db", folder.path / "study.db")

    trials = list_trials(train(folder, 2))
    space = open_both(folder)[1]
    assert [trial.state for trial in trials] == ["finished"] * 2
    own = folder.run_path(1, trials[1].place)
    assert own == Path("restored/trials/0001-2")
    assert Run.open_finished(own).config == space.apply(trials[1].newest.params)
    assert trials[1].newest.user_attrs["notes"] == [
        f"its run is in {own}, since {other} holds another"
    ]
    assert read_all(other) == before


@pytest.mark.slow
@pytest.mark.parametrize("rest", ["config.yaml", "weights.safetensors", "mine.txt"])
def test_what_cannot_be_told_is_left_alone(tiny: Path, rest: str):
    folder = begin(BATCHES, path=Path(f"left-{rest}"))
    other = folder.run_path(0)
    train(begin(BATCHES, path=Path(f"of-{rest}")), 1)
    shutil.copytree(Path(f"of-{rest}") / "trials/0000", other)
    for path in sorted(other.rglob("*"), reverse=True):
        if path.name != rest:
            path.rmdir() if path.is_dir() else path.unlink()
    (other / rest).write_text("no config")
    # So that the study knows of a trial, as one that was restored does.
    study, _ = open_both(folder)
    study.enqueue_trial({})
    (trial,) = list_trials(train(folder, 1))
    assert (trial.state, trial.place) == ("finished", 2)
    assert {path.name: text for path, text in read_all(other).items()} == {
        rest: b"no config"
    }


@pytest.mark.slow
def test_runs_of_the_same_settings_are_taken_as_they_are(tiny: Path):
    """The trial of an equal number and equal draws is the one that was trained."""
    folder = begin(BATCHES, path=Path("same"))
    study = train(folder, 2)
    expected = [trial.value for trial in list_trials(study)]
    before = read_all(folder.path / "trials")
    (folder.path / "study.db").unlink()
    open_both(folder)[0].set_user_attr("trials", 2)
    trials = list_trials(train(folder, 2))
    assert [trial.value for trial in trials] == expected
    assert read_all(folder.path / "trials") == before


@pytest.mark.slow
def test_a_run_that_the_pruner_ended_stays_one(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
):
    import optuna

    folder = begin(BATCHES, path=Path("pruned"))
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Trial, "should_prune", lambda trial: True)
        train(folder, 1)
    (folder.path / "study.db").unlink()
    (trial,) = list_trials(train(folder, 1))
    assert (trial.state, trial.epochs) == ("pruned", 1)
