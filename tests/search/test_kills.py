"""Several processes killed at moments of chance, each in the midst of a trial."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cifarcnn.errors import RunError
from cifarcnn.runs import Run
from cifarcnn.search.folder import open_study
from tests.search.conftest import RATE, open_both, write_tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
KILLS, TRIALS, EPOCHS = 2, 2, 60


def find_training(parent: int) -> Iterator[tuple[int, Path]]:
    """The processes of a search that train, and the runs that they train."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    for pid in map(int, children.read_text().split()):
        try:
            held = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        for name in held:
            if name.endswith("log.txt"):
                yield pid, Path(name).parent


def count_epochs(run: Path) -> int:
    try:
        return len(Run(run).read_history())
    except RunError:
        return 0


def kill_some(process: subprocess.Popen[str], chance: random.Random) -> int:
    """SIGKILL to one that trains, over and over; how often."""
    killed = dict[Path, int]()
    kills = 0
    while kills < KILLS and process.poll() is None:
        for pid, run in find_training(process.pid):
            # One that never comes further is not begun again, as it should be.
            if count_epochs(run) > killed.get(run, 0) and not Run(run).finished:
                time.sleep(chance.uniform(0, 0.3))
                os.kill(pid, signal.SIGKILL)
                killed[run] = count_epochs(run)
                kills += 1
                break
        time.sleep(0.02)
    return kills


def test_every_trial_is_accounted_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    text = Path("tiny.yaml").read_text().replace("epochs: 2", f"epochs: {EPOCHS}")
    Path("tiny.yaml").write_text(text)
    command = [
        *(sys.executable, "-m", "cifarcnn", "search", "-c", "tiny.yaml", "--json"),
        *("--vary", RATE, "--sampler", "random", "--pruner", "none"),
        *("--trials", str(TRIALS), "--jobs", "2", "--device", "cpu", "--run", "study"),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        kills = kill_some(process, random.Random(0))
        out, said = process.communicate()
    assert process.returncode == 0, said
    assert said.count("its process was ended (SIGKILL)") == kills
    went_on = said.count("it goes on from where it is saved")
    assert 0 < went_on <= kills
    trials = json.loads(out)["trials"]
    assert [trial["state"] for trial in trials] == ["finished"] * TRIALS

    # All that the database has is an attempt at one of them, and one alone has a value.
    study, _ = open_both(open_study(Path("study")))
    attempts = [number for trial in trials for number in trial["attempts"]]
    assert sorted(attempts) == [trial.number for trial in study.trials]
    assert TRIALS + went_on <= len(attempts) <= TRIALS + kills
    assert sum(trial.value is not None for trial in study.trials) == TRIALS
    for trial in trials:
        run = Run.open_finished(trial["run"])
        rows = [int(row["epoch"]) for row in run.read_history()]
        assert rows == [*range(1, EPOCHS + 1)]
        reported = study.trials[trial["attempts"][-1]].intermediate_values
        assert sorted(reported) == rows
    runs = sorted(path.name for path in Path("study/trials").iterdir())
    assert runs == sorted(Path(trial["run"]).name for trial in trials)
