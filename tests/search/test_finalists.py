"""The best trained with other seeds, in the time that the search has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cifarcnn.cli.search_finalists import train_finalists
from cifarcnn.cli.searching import Found
from cifarcnn.runs import Run
from cifarcnn.search.folder import StudyFolder
from cifarcnn.search.trials import list_trials
from cifarcnn.training.stop_request import StopRequest
from tests.search.conftest import GIVEN, begin, open_both, train
from tests.search.test_worker import EndAfter


def train_with(folder: StudyFolder, request: StopRequest) -> Any:
    study, space = open_both(folder)
    found = Found(folder, space, study, list_trials(study), 1, True, request)
    return train_finalists(found, [1, 2], GIVEN)


@pytest.mark.slow
def test_they_end_in_time_at_a_step_and_go_on(tiny: Path, capsys: Any):
    folder = begin(path=Path("finals"))
    train(folder, 1)
    assert train_with(folder, EndAfter(4)) is None
    told = capsys.readouterr().err.splitlines()
    assert any("The 5 minutes of --max-minutes are over; " in line for line in told)
    left = (
        "The 5 minutes of --max-minutes are over; left to train are start (2 seeds), "
        "0000 (2 seeds). Go on with: cifarcnn search --resume finals --seeds 1,2"
    )
    assert told[-1] == left
    stopped = Run(folder.path / "finalists/start/seed-1")
    assert stopped.has_weights and not stopped.finished

    # Nothing is begun when the time is over already.
    assert train_with(folder, EndAfter(0)) is None
    assert capsys.readouterr().err.splitlines() == [left]

    comparison, best = train_with(folder, StopRequest())
    assert best.number == 0
    assert [len(config.accuracies) for config in comparison.configs] == [2, 2]
    # What is trained needs no time.
    assert train_with(folder, EndAfter(0)) is not None
