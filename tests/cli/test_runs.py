"""``cifarcnn runs`` and ``runs remove``, on real runs."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cifarcnn
from cifarcnn.runs import Run
from cifarcnn.runs.run_path import follow_latest, point_latest

Call = Callable[..., Any]


@pytest.fixture
def place(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder in which ``runs`` has a finished run and one that was stopped."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("small-1", "other-2")):
        run = shutil.copytree(trained_run, tmp_path / "runs" / name)
        for path in run.iterdir():
            os.utime(path, (1_000_000 + number, 1_000_000 + number))
    (tmp_path / "runs" / "other-2" / "metrics.json").unlink()
    point_latest(tmp_path / "runs", "other-2")
    yield tmp_path / "runs"


@pytest.fixture
def in_use(place: Path) -> Iterator[Path]:
    """A run that a process of its own holds as a training does."""
    script = (
        "import sys; from pathlib import Path\n"
        "from cifarcnn.runs.file_lock import lock_run\n"
        "with lock_run(Path(sys.argv[1])): print('held', flush=True); input()\n"
    )
    run = place / "other-2"
    with subprocess.Popen(
        [sys.executable, "-c", script, run],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield run
        process.kill()


def listed(call: Call, *options: object) -> dict[str, dict[str, Any]]:
    answer = call("runs", "--json", *options)
    assert answer.code == 0, answer.err
    return {run["name"]: run for run in json.loads(answer.out)["runs"]}


def test_what_a_run_came_to_is_what_its_training_said(place: Path, call: Call):
    found = listed(call)
    metrics = Run.open(place / "small-1").read_metrics()
    kept: Any = metrics["kept"]
    assert list(found) == ["other-2", "small-1"]  # the newest first
    assert found["small-1"] == {
        "name": "small-1",
        "path": "runs/small-1",
        "state": "finished",
        "smoke": False,
        "val_accuracy": kept["val_accuracy"],
        "epochs": 2,
        "planned_epochs": 2,
        "parameters": metrics["parameters"],
        "training_seconds": metrics["duration_seconds"],
        "changed": "1970-01-12T13:46:40+00:00",
        "problem": None,
        "seeds": None,
        "seed_states": None,
    }
    # Of one that is not finished the history and the weights tell it.
    last = Run.open(place / "other-2").read_history()[-1]
    assert found["other-2"]["state"] == "stopped"
    assert found["other-2"]["val_accuracy"] == float(last["val_accuracy"])
    assert found["other-2"]["parameters"] == metrics["parameters"]
    assert found["other-2"]["training_seconds"] > 0


def test_the_table_says_the_same(place: Path, call: Call):
    answer = call("runs", "--sort", "name")
    head, other, small = answer.out.splitlines()
    assert head.split() == [
        *("run", "accuracy", "epochs", "parameters", "time", "when", "state"),
    ]
    assert other.startswith("other-2 ") and other.endswith("  stopped")
    assert small.startswith("small-1 ") and small.endswith("  finished")
    assert " 2/2 " in small
    assert not answer.err


def test_it_is_sorted_and_filtered(place: Path, call: Call):
    worse = json.loads((place / "small-1" / "metrics.json").read_text())
    worse["kept"]["val_accuracy"] = 0.01
    (place / "small-1" / "metrics.json").write_text(json.dumps(worse))
    assert list(listed(call, "--sort", "name")) == ["other-2", "small-1"]
    assert list(listed(call, "--sort", "accuracy")) == ["other-2", "small-1"]
    assert list(listed(call, "--state", "finished")) == ["small-1"]
    assert list(listed(call, "--name", "oth*")) == ["other-2"]
    answer = call("runs", "--state", "training", "--state", "damaged")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "None of the 2 runs in runs is so.\n"
    assert "'--sort'" in call("runs", "--sort", "size").err


def test_a_run_without_validation_pictures_is_sorted_behind(place: Path, call: Call):
    without = json.loads((place / "small-1" / "metrics.json").read_text())
    without["kept"]["val_accuracy"] = None
    (place / "small-1" / "metrics.json").write_text(json.dumps(without))
    assert list(listed(call, "--sort", "accuracy")) == ["other-2", "small-1"]


def test_one_that_is_being_trained_is_said_to_be(in_use: Path, call: Call):
    assert listed(call)["other-2"]["state"] == "training"
    assert listed(call)["small-1"]["state"] == "finished"


def test_one_that_diverged_is_said_to_have(place: Path, call: Call):
    config = cifarcnn.load_config(
        place / "small-1" / "config.yaml",
        {
            # Weight decay by far too large a rate.
            "model.layers[4].Dense.kernel_regularizer": {"L2": 1.0},
            "training.optimizer": {"SGD": {"learning_rate": 100}},
        },
    )
    with pytest.raises(cifarcnn.errors.DivergedError):
        cifarcnn.train(config, place / "wild", device="cpu")
    assert listed(call)["wild"]["state"] == "diverged"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", b'{"kept": 3, "epochs": 1}'),
        ("metrics.json", b"{"),
        ("config.yaml", b"\0" * 100),
        ("config.yaml", b"name: [a"),
    ],
)
def test_a_damaged_one_is_listed_with_what_is_wrong(
    place: Path, call: Call, name: str, content: bytes
):
    (place / "small-1" / name).write_bytes(content)
    run = listed(call)["small-1"]
    assert run["state"] == "damaged"
    assert "small-1" in run["problem"] and "\n" not in run["problem"]
    answer = call("runs")
    assert answer.code == 0
    assert answer.err == f"note: {run['problem']}\n"
    assert "other-2" in answer.out


def test_what_is_no_run_is_named_and_odd_entries_end_nothing(place: Path, call: Call):
    (place / "old\nphotos").mkdir()
    (place / ".hidden").mkdir()
    (place / "notes.txt").write_text("mine")
    (place / "gone").symlink_to("nowhere")
    answer = call("runs")
    assert "old?photos" in answer.err and "hidden" not in answer.err
    assert len(answer.out.splitlines()) == 3


def test_without_runs_it_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
):
    monkeypatch.chdir(tmp_path)
    answer = call("runs")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == (
        "There are no runs in runs. Train one with: cifarcnn train --config "
        "quickstart\nUntil then predict, explain and evaluate take speedrun, the "
        "trained network that comes with cifarcnn.\n"
    )
    # A link that leads to nothing is an error to these, and no network answers.
    Path("runs").mkdir()
    Path("runs/latest").symlink_to("gone")
    assert "speedrun" not in call("runs").err
    Path("runs/latest").unlink()
    Path("runs").rmdir()
    assert listed(call) == {}
    answer = call("runs", "--root", "elsewhere")
    assert answer.code == 1
    assert answer.err == "error: elsewhere cannot be read: No such file or directory.\n"


def test_a_whole_run_is_removed_and_latest_names_another(place: Path, call: Call):
    assert sorted(path.name for path in place.iterdir()) == [
        *("latest", "other-2", "small-1"),
    ]
    answer = call("runs", "remove", "runs/other-2", "--yes")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("removed: runs/other-2, ")
    assert not (place / "other-2").exists()
    assert follow_latest(place).name == "small-1"
    assert call("runs", "remove", "runs/latest", "--yes").code == 0
    assert list(place.iterdir()) == []


def test_what_is_not_of_the_program_stays(place: Path, call: Call):
    (place / "small-1" / "notes.txt").write_text("mine")
    (place / "small-1" / "checkpoint").mkdir(exist_ok=True)
    (place / "small-1" / "checkpoint" / "mine.txt").write_text("mine")
    answer = call("runs", "remove", "runs/small-1", "--yes")
    assert answer.code == 0
    assert answer.err == (
        "note: left in runs/small-1, not of cifarcnn: checkpoint, notes.txt\n"
    )
    assert [path.name for path in (place / "small-1").rglob("*.*")] == [
        *("notes.txt", "mine.txt"),
    ]
    # It is not the latest, which stays.
    assert follow_latest(place).name == "other-2"


def test_files_of_trackers_go_with_a_run(place: Path, call: Call, tmp_path: Path):
    run = place / "small-1"
    for name in ("tensorboard/train/events.out.tfevents.1", "wandb/offline-1/x.wandb"):
        (run / name).parent.mkdir(parents=True)
        (run / name).write_bytes(b"x")
    (run / "wandb" / "latest-run").symlink_to("offline-1")
    (run / "tracking.json").write_text("{}")
    assert call("runs", "remove", "runs/small-1", "--yes").err == ""
    assert not run.exists()


def test_a_folder_of_a_tracker_that_is_a_link_is_left(
    place: Path, call: Call, tmp_path: Path
):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "mine.txt").write_text("mine")
    (place / "small-1" / "tensorboard").symlink_to(tmp_path / "far")
    answer = call("runs", "remove", "runs/small-1", "--yes")
    assert answer.err == "note: left in runs/small-1, not of cifarcnn: tensorboard\n"
    assert (tmp_path / "far" / "mine.txt").exists()


def test_one_in_use_is_refused_and_with_it_all_others(in_use: Path, call: Call):
    before = sorted(in_use.parent.rglob("*"))
    answer = call(
        *("runs", "remove", "runs/small-1", "runs/other-2", "runs/x", "--yes")
    )
    assert answer.code == 1
    assert "runs/other-2 is being trained by another process." in answer.err
    assert "runs/x does not exist." in answer.err
    assert answer.err.endswith("Nothing is removed.\n")
    assert sorted(in_use.parent.rglob("*")) == before


def test_no_link_is_followed(place: Path, call: Call, tmp_path: Path):
    (tmp_path / "link").symlink_to(place / "small-1")
    answer = call("runs", "remove", "link", "--yes")
    assert answer.code == 1
    assert "link is a link to " in answer.err
    shutil.move(place / "small-1" / "weights.safetensors", tmp_path / "far")
    (place / "small-1" / "weights.safetensors").symlink_to(tmp_path / "far")
    call("runs", "remove", "runs/small-1", "--yes")
    assert (tmp_path / "far").exists()


def test_where_nobody_can_be_asked_nothing_is_removed(place: Path, call: Call):
    answer = call("runs", "remove", "runs/small-1")
    assert answer.code == 2
    assert "Give --yes." in answer.err
    assert (place / "small-1" / "metrics.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("said", "stays"), [("n\n", True), ("y\n", False)])
def test_on_a_terminal_it_asks_first(place: Path, said: str, stays: bool):
    ours, theirs = pty.openpty()
    os.write(ours, said.encode())
    done = subprocess.run(
        [sys.executable, "-m", "cifarcnn", "runs", "remove", "runs/small-1"],
        stdin=theirs,
        capture_output=True,
        text=True,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert "runs/small-1: finished, validation accuracy " in done.stderr
    assert (place / "small-1").exists() is stays
    assert ("Nothing is removed." in done.stderr) is stays
