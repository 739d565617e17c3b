"""``cifarcnn search``: what is refused before the first trial, and one whole search."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution

import cifarcnn
from cifarcnn.search import packages
from cifarcnn.search.storage import hide_password
from tests.search.conftest import RATE, begin, open_both, train, write_tiny

Call = Callable[..., Any]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    return tmp_path


def test_a_config_without_validation_pictures_is_refused(tiny: Path, call: Call):
    told = call("search", "-c", "article", "--vary", RATE)
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "error: A search judges by the validation pictures, and "
        "data.validation_fraction is 0. Keep some: --set "
        "data.validation_fraction=0.1\n"
    )


def test_a_time_for_each_training_is_refused(tiny: Path, call: Call):
    told = call(
        *("search", "-c", "tiny.yaml", "--vary", RATE),
        *("--set", "training.max_minutes=1"),
    )
    assert told.code == 2
    assert told.err == (
        "error: training.max_minutes ends each training in the middle, so that trials "
        "cannot be compared. Leave it out: --set training.max_minutes=null; "
        "--max-minutes is the time of the whole search.\n"
    )


def test_a_grid_of_what_cannot_be_counted_is_refused(tiny: Path, call: Call):
    told = call("search", "-c", "tiny.yaml", "--vary", RATE, "--sampler", "grid")
    key = "training.optimizer.Adam.learning_rate"
    assert (told.code, told.err) == (
        2,
        f"error: --sampler grid needs values that can be counted, and {key} is a range "
        f"without a step. Name them, as in --vary {key}=A,B,C, or give the range a "
        "step, as in LOW..HIGH:step=STEP.\n",
    )
    told = call(
        *("search", "-c", "tiny.yaml", "--sampler", "grid"),
        *("--vary", "training.batch_size=1..2000", "--vary", "training.epochs=1..100"),
    )
    assert (told.code, told.err) == (
        2,
        "error: --sampler grid has 200,000 combinations here; 100,000 are the most. "
        "Name fewer values, or take another sampler.\n",
    )


def test_either_a_config_or_a_search_to_go_on_with(tiny: Path, call: Call):
    for given in ((), ("-c", "tiny.yaml", "--resume", "there")):
        told = call("search", *given)
        assert told.code == 2 and told.err.endswith(
            "Error: Give either --config, or --resume with the folder of a search.\n"
        )
    for more in (
        *(("--set", "training.epochs=1"), ("--vary", RATE), ("--space", "space.yaml")),
        *(("--sampler", "tpe"), ("--pruner", "none"), ("--run", "there")),
    ):
        told = call("search", "--resume", "there", *more)
        assert told.code == 2 and told.err.endswith(
            "Error: --resume goes on with the search as it was begun; leave --set, "
            "--vary, --space, --sampler, --pruner and --run out.\n"
        )
    told = call("search", "--resume", "there")
    assert (told.code, told.err) == (
        1,
        "error: there is not the folder of a search: search.json is missing. Name the "
        "folder that `cifarcnn search` reported.\n",
    )


def test_without_optuna_one_sentence_says_so(
    tiny: Path, call: Call, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(packages, "find_module", lambda name: None)
    told = call("search", "-c", "tiny.yaml", "--vary", RATE)
    assert (told.code, told.err) == (
        2,
        "error: `search` needs Optuna, which is not installed: pip install "
        "'cifarcnn[search]' brings it.\n",
    )


def test_without_the_driver_of_a_database_one_sentence_says_so(
    tiny: Path, call: Call, monkeypatch: pytest.MonkeyPatch
):
    here = {"optuna", "sqlalchemy"}
    monkeypatch.setattr(packages, "find_module", lambda name: name in here or None)
    for url, package in (
        ("postgresql://host/name", "psycopg[binary]"),
        ("mysql://host/name", "mysqlclient"),
    ):
        told = call("search", "-c", "tiny.yaml", "--vary", RATE, "--storage", url)
        assert (told.code, told.err) == (
            2,
            f"error: --storage needs the package {package}, which is not installed: "
            f"pip install '{package}' brings it.\n",
        )


def test_another_search_in_the_same_folder_is_refused(tiny: Path, call: Call):
    begin(path=Path("mine"))
    told = call(
        *("search", "-c", "tiny.yaml", "--vary", "training.batch_size=8,16"),
        *("--run", "mine"),
    )
    assert (told.code, told.err) == (
        2,
        "error: mine holds a search of another config, over another space, or with "
        "another sampler or pruner: the results of both cannot stand in one study. "
        "Name another folder with --run, or go on with the one that is there: cifarcnn "
        "search --resume mine\n",
    )


def test_a_study_is_looked_for_where_it_is(tiny: Path, call: Call):
    begin(path=Path("here"))
    told = call("search", "--resume", "here", "--storage", "sqlite:///other.db")
    assert (told.code, told.err) == (
        2,
        "error: The study of here lies in the folder itself. Leave --storage out, or "
        "name a new folder with --run.\n",
    )
    # What is kept of postgresql://me:secret@host/name.
    there = begin(path=Path("there")).path / "search.json"
    kept = hide_password("postgresql://me:secret@host/name")
    content = {**json.loads(there.read_text()), "storage": kept}
    there.write_text(json.dumps(content))
    told = call("search", "--resume", "there")
    assert (told.code, told.err) == (
        2,
        "error: The study of there lies in postgresql://me:***@host/name. Give "
        "--storage with that URL, and its password where it has one, which is not "
        "kept.\n",
    )


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("", ""),
        ("me:secret", ""),
        ("secret://host/name", ""),
        ("postgrsql://me:secret@host/name", ": did you mean postgresql"),
        (
            "postgresql+secret://host/name",
            ": postgresql has no such driver; leave it out, as in postgresql://",
        ),
    ],
)
def test_what_is_no_url_of_a_database_is_refused(
    tiny: Path, call: Call, url: str, hint: str
):
    told = call(
        *("search", "-c", "tiny.yaml", "--vary", RATE),
        *("--storage", url, "--run", "mine"),
    )
    assert (told.code, told.err) == (
        2,
        "error: --storage needs the URL of a database that SQLAlchemy knows, such as "
        f"postgresql://user:password@host/name; this is none{hint}.\n",
    )
    assert not Path("mine").exists()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "sqlite:///missing/folder/x.db",
            "--storage names missing/folder/x.db, and there is no folder "
            "missing/folder. Make it, or name another one.",
        ),
        (
            "sqlite:///pictures",
            "--storage names pictures, which is a folder. Name a file.",
        ),
        (
            "sqlite://",
            "--storage needs a file of SQLite, which all processes see: "
            "sqlite:///study.db",
        ),
        (
            "mssql+pyodbc://host/name",
            "--storage needs a driver that cannot be loaded here: No module named "
            "'pyodbc'.",
        ),
    ],
)
def test_a_database_that_cannot_be_is_told_before_anything_is_made(
    tiny: Path, call: Call, url: str, told: str
):
    found = call("search", "-c", "tiny.yaml", "--vary", RATE, "--storage", url)
    assert (found.code, found.err) == (2, f"error: {told}\n")
    assert not Path("runs").exists()


def test_minutes_are_a_number(tiny: Path, call: Call):
    told = call(
        *("search", "-c", "tiny.yaml", "--vary", RATE),
        *("--max-minutes", "nan", "--run", "mine"),
    )
    assert told.code == 2 and told.err.endswith(
        "Error: --max-minutes takes a number of minutes, found nan.\n"
    )
    assert not Path("mine").exists()


def test_a_server_that_does_not_answer_is_told(tiny: Path, call: Call):
    pytest.importorskip("psycopg")
    told = call(
        *("search", "-c", "tiny.yaml", "--vary", RATE),
        *("--storage", "postgresql://me:secret@127.0.0.1:1/name"),
    )
    assert told.code == 1
    (line,) = told.err.splitlines()
    assert line.startswith(
        "error: The database postgresql://me:***@127.0.0.1:1/name cannot be reached: "
    )
    assert line.endswith("Connection refused. Nothing was begun.")
    assert not Path("runs").exists()


def test_a_config_that_was_changed_meanwhile_is_refused(tiny: Path, call: Call):
    folder = begin(path=Path("mine"))
    text = folder.base_path.read_text()
    folder.base_path.write_text(text.replace("epochs: 2", "epochs: 3"))
    told = call("search", "--resume", "mine")
    assert (told.code, told.err) == (
        1,
        "error: mine/base.yaml or space.yaml was changed since the search began, or "
        "has other defaults in this version of cifarcnn, so that its trials cannot be "
        "compared any more. Restore the file or the version, or begin a new search: "
        "cifarcnn search --config mine/base.yaml\n",
    )


def test_a_damaged_search_is_told(tiny: Path, call: Call):
    begin(path=Path("mine"))
    Path("mine/search.json").write_text("{}")
    told = call("search", "--resume", "mine")
    assert (told.code, told.err) == (
        1,
        "error: mine/search.json is damaged, or of another version of cifarcnn. "
        "Restore it from a copy; the runs in mine/trials are ordinary ones.\n",
    )


def test_a_database_that_is_damaged_or_lost_is_told(tiny: Path, call: Call):
    folder = begin(path=Path("mine"))
    Path("mine/study.db").write_bytes(b"no database at all" * 100)
    told = call("search", "--resume", "mine")
    assert (told.code, told.err) == (
        1,
        "search: mine\n"
        f"error: The study in sqlite:///{tiny}/mine/study.db is damaged: file is not a "
        "database. Restore it from a copy, or begin a new search in another folder "
        "with --run; the runs of its trials are ordinary ones.\n",
    )
    Path("mine/study.db").unlink()
    folder.run_path(0).mkdir()
    told = call("search", "--resume", "mine")
    assert (told.code, told.err) == (
        1,
        "search: mine\n"
        "error: mine/trials has runs, of which the database of the search knows "
        "nothing: it was removed, or is another one. Restore it from a copy, or begin "
        "a new search in another folder with --run; the runs are ordinary ones.\n",
    )


def test_the_file_of_a_space_may_be_a_pipe(tiny: Path):
    os.mkfifo("pipe")
    text = "training.batch_size: [8, 16]\n# é\n"
    writer = threading.Thread(target=lambda: Path("pipe").write_text(text, "utf-8"))
    writer.start()
    folder = begin((), space_file=Path("pipe"))
    writer.join()
    assert (folder.path / "space.yaml").read_text("utf-8") == text


def test_a_search_that_is_done_is_over_whatever_the_time(tiny: Path, call: Call):
    folder = begin(path=Path("mine"))
    study, _ = open_both(folder)
    study.set_user_attr("trials", 1)
    study.add_trial(
        optuna.trial.create_trial(
            params={"training.optimizer.Adam.learning_rate": 0.01},
            distributions={
                "training.optimizer.Adam.learning_rate": FloatDistribution(
                    1e-3, 1e-1, log=True
                )
            },
            value=0.5,
        )
    )
    told = call("search", "--resume", "mine", "--max-minutes", "0.00001")
    assert told.code == 0 and "not over" not in told.err + told.out
    assert "The search is not over" not in Path("mine/search.html").read_text()
    told = call("search", "--resume", "mine", "--max-minutes", "0.00001", "--trials=2")
    assert "The search is not over. Go on with: cifarcnn search --resume" in told.err


def test_the_same_command_finds_its_search_again(tiny: Path):
    first, other = begin(), begin(("training.batch_size=8,16",))
    assert [str(each.path) for each in (first, other)] == [
        "runs/tiny-search-1",
        "runs/tiny-search-2",
    ]
    assert begin() == first


def test_one_search_at_a_time_works_in_a_folder(tiny: Path, call: Call):
    with begin(path=Path("mine")).lock():
        told = call("search", "--resume", "mine")
    assert (told.code, told.err) == (
        1,
        "error: mine is being searched by another process. Wait for its end, or stop "
        "it; --jobs has one command train several at once.\n",
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_one_of_three_processes_killed_and_all_stopped_nothing_is_lost(tiny: Path):
    """A trial is killed, the whole is stopped by Ctrl-C, and goes on."""
    text = (tiny / "tiny.yaml").read_text().replace("epochs: 2", "epochs: 12")
    (tiny / "tiny.yaml").write_text(text)
    command = [
        *(sys.executable, "-m", "cifarcnn", "search", "-c", "tiny.yaml", "--json"),
        *("--vary", RATE, "--vary", "training.batch_size=2,4", "--pruner", "none"),
        *("--trials", "4", "--jobs", "3", "--device", "cpu", "--run", "study"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        kill_one_that_trains(process.pid)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    assert process.returncode == 130, said
    assert "Go on with: cifarcnn search --resume study" in said
    assert "its process was ended (SIGKILL)" in said

    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["states"] == {"finished": 4}
    study, _ = open_both(begin_again())
    numbers = [number for each in document["trials"] for number in each["attempts"]]
    assert sorted(numbers) == [trial.number for trial in study.trials]
    assert max(len(each["attempts"]) for each in document["trials"]) > 1
    for each in document["trials"]:
        run = cifarcnn.runs.Run.open_finished(each["run"])
        assert [row["epoch"] for row in run.read_history()] == [
            str(epoch) for epoch in range(1, 13)
        ]
    cut = next(each for each in document["trials"] if len(each["attempts"]) > 1)
    assert same_as_without_a_kill(tiny, Path(cut["run"]))


@pytest.mark.slow
def test_ctrl_c_is_answered_while_a_process_is_still_loading(tiny: Path):
    command = [
        *(sys.executable, "-m", "cifarcnn", "search", "-c", "tiny.yaml"),
        *("--vary", RATE, "--trials", "1", "--device", "cpu", "--run", "study"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(tiny.glob("study/workers/*.txt")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1].splitlines()
    assert process.returncode == 130
    assert said[:2] == [
        "search: study",
        "stopping: what is trained is saved first, which takes some seconds",
    ]


def begin_again() -> Any:
    from cifarcnn.search.folder import open_study

    return open_study(Path("study"))


def kill_one_that_trains(parent: int) -> None:
    """SIGKILL to the first process of a search that has begun a trial."""
    while True:
        time.sleep(0.1)
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = stat.read_text().rpartition(")")[2].split()
                held = [os.readlink(file) for file in stat.parent.glob("fd/*")]
            except OSError:
                continue
            if int(words[1]) == parent and any("log.txt" in name for name in held):
                os.kill(int(stat.parent.name), signal.SIGKILL)
                return


def same_as_without_a_kill(folder: Path, run: Path) -> bool:
    """Whether a run has the weights of one that was never cut, on as many cores."""
    shutil.copy(run / "config.yaml", folder / "whole.yaml")
    core = str(min(os.sched_getaffinity(0)))
    subprocess.run(
        [
            *("taskset", "-c", core, sys.executable, "-m", "cifarcnn", "train"),
            *("-c", "whole.yaml", "--run", "whole", "--device", "cpu"),
        ],
        check=True,
        capture_output=True,
    )
    name = "weights.safetensors"
    return (folder / "whole" / name).read_bytes() == (run / name).read_bytes()


def test_the_seed_of_the_search_judges_none_of_its_finds(tiny: Path, call: Call):
    begin(path=Path("mine"))
    told = call("search", "--resume", "mine", "--seeds", "0,1")
    assert told.code == 2 and told.err.endswith(
        "Error: --seeds 0,1 has the seed 0, which the search itself uses: its best "
        "would be judged by what it was chosen by. Leave it out.\n"
    )


@pytest.mark.slow
def test_the_best_is_compared_with_the_start_over_other_seeds(tiny: Path, call: Call):
    train(begin(path=Path("mine")), 1)
    given = ("search", "--resume", "mine", "--trials", 1, "--device", "cpu")
    told = call(*given, "--seeds", "1,2", "--json")
    assert told.code == 0, told.err
    document = json.loads(told.out)
    seeds = document["seeds"]
    assert [config["path"] for config in seeds["configs"]] == [
        "mine/finalists/start",
        "mine/finalists/0000",
    ]
    assert all(
        config["val_accuracy"].keys() == {"1", "2"} for config in seeds["configs"]
    )
    assert seeds["against_first"][0]["test"] == "Student's t, paired, two-sided"
    assert seeds["best"] == document["best"]["trial"] == 0
    head = Path("mine/best.yaml").read_text().splitlines()[0]
    assert head.endswith("; the best on average over other seeds.")
    page = Path("mine/search.html").read_text()
    assert '<a href="trials/0000/report.html">0</a>' in page
    assert "The best with other seeds" in page

    # What is trained is not trained again, and other seeds would be other runs.
    told = call(*given, "--seeds", "1,2")
    assert told.code == 0 and "seed 1 (1 of 2): finished" in told.err
    assert "mine/finalists/0000 is " in told.out
    told = call(*given, "--seeds", "1,3")
    assert (told.code, told.err.splitlines()[-1]) == (
        2,
        "error: mine/finalists/start was trained with other seeds. Give those, or "
        "remove the folder: cifarcnn runs remove mine/finalists/start",
    )


def test_runs_shows_a_search_and_how_to_list_its_runs(tiny: Path, call: Call):
    begin()
    (tiny / "runs" / "else").mkdir()
    told = call("runs")
    assert told.err.splitlines()[-2:] == [
        "note: runs/tiny-search-1 is a search; its runs: cifarcnn runs --root "
        "runs/tiny-search-1/trials",
        "note: folders in runs that are no runs: else",
    ]
    assert call("runs", "--root", "runs/tiny-search-1/trials").code == 0
    told = call("runs", "remove", "--yes", "runs/tiny-search-1")
    assert (told.code, told.err) == (
        1,
        "error: runs/tiny-search-1 is a search, of which only runs are removed here: "
        "those in runs/tiny-search-1/trials. Remove the folder to be rid of all of it. "
        "Nothing is removed.\n",
    )


def end_without_a_find(outcome: str, sentence: str) -> None:
    """A study of one trial that came to nothing."""
    study, _ = open_both(begin(path=Path("mine")))
    trial = study.ask()
    trial.suggest_float("training.optimizer.Adam.learning_rate", 1e-3, 1e-1, log=True)
    trial.set_user_attr("outcome", outcome)
    trial.set_user_attr("sentence", sentence)
    study.tell(trial, state=optuna.trial.TrialState.FAIL)


@pytest.mark.parametrize(("outcome", "code"), [("failed", 1), ("diverged", 4)])
def test_a_search_without_a_finished_trial_says_why(
    tiny: Path, call: Call, outcome: str, code: int
):
    end_without_a_find(outcome, "the memory is full")
    told = call("search", "--resume", "mine", "--trials", 1)
    assert (told.code, told.out) == (code, "")
    assert told.err.splitlines()[-1] == (
        "error: No trial came to its end, so that there is no best one. Most often: "
        "the memory is full"
    )
    assert not Path("mine/best.yaml").exists()


def test_a_database_with_another_search_of_that_name_is_refused(tiny: Path, call: Call):
    study, _ = open_both(begin(path=Path("mine")))
    study.set_user_attr("fingerprint", "other")
    told = call("search", "--resume", "mine")
    assert told.code == 1 and told.err.splitlines()[-1] == (
        f"error: The database has another search by the name {study.study_name}. Use "
        "another database."
    )
