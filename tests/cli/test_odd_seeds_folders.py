"""Folders of several seeds that are damaged, and other odd uses of ``runs``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.errors import RunError
from cifarcnn.runs.file_lock import lock_run

Call = Callable[..., Any]
CONFIG = """\
name: tiny
data: {dataset: synthetic}
model: {layers: [Flatten, {Dense: {units: 10, activation: softmax}}]}
training: {epochs: 1}
"""
METRICS = {
    "kept": {"val_accuracy": 0.5},
    "epochs": 1,
    "parameters": 30730,
    "duration_seconds": 1.5,
    "smoke": False,
}


def make_run(path: Path) -> None:
    path.mkdir(parents=True)
    (path / "config.yaml").write_text(CONFIG)
    (path / "metrics.json").write_text(json.dumps(METRICS))


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two finished seeds beside another run, as far as ``runs`` reads."""
    monkeypatch.chdir(tmp_path)
    folder = Path("runs/tiny-seeds-1")
    for seed in (1, 2):
        make_run(folder / f"seed-{seed}")
    make_run(Path("runs/other-1"))
    (folder / "base.yaml").write_text(CONFIG)
    (folder / "seeds.json").write_text('{"seeds": [1, 2], "smoke": false}')
    return folder


def listed(call: Call) -> dict[str, dict[str, Any]]:
    answer = call("runs", "--json")
    assert answer.code == 0, answer.err
    return {run["name"]: run for run in json.loads(answer.out)["runs"]}


def make_a_folder(path: Path) -> None:
    path.mkdir()


def make_a_link(path: Path) -> None:
    target = path.absolute().parents[2] / "elsewhere.json"
    target.write_text('{"seeds": [1, 2]}')
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_text("{"), "is damaged: it is not JSON. "),
        (lambda path: path.write_text('{"seeds": []}'), "`seeds` is not a list of "),
        (lambda path: path.write_text('{"seeds": [1, 1]}'), "different whole numbers"),
        (lambda path: path.write_bytes(bytes(range(256))), "is damaged: "),
        (lambda path: None, "cannot be read: No such file or directory."),
        (make_a_folder, "is not a plain file."),
        (make_a_link, "is not a plain file."),
    ],
)
def test_one_whose_seeds_are_not_known_is_listed_and_can_be_removed(
    seeds: Path, call: Call, damage: Callable[[Path], object], said: str
):
    (seeds / "seeds.json").unlink()
    damage(seeds / "seeds.json")
    run = listed(call)["tiny-seeds-1"]
    assert run["state"] == "damaged"
    assert said in run["problem"]
    assert run["problem"].endswith(
        "The runs in runs/tiny-seeds-1 are ordinary ones, which every command takes, "
        "such as runs/tiny-seeds-1/seed-1."
    )
    answer = call("train", "--resume", seeds)
    assert (answer.code, answer.err) == (1, f"error: {run['problem']}\n")
    answer = call("runs", "remove", seeds, "--yes")
    assert answer.code == 0, answer.err
    assert not list(seeds.glob("seed-*"))
    left = sorted(os.listdir(seeds)) if seeds.exists() else []
    # Where nothing says that they are of cifarcnn they stay, and are told.
    assert left in ([], ["base.yaml"], ["seeds.json"])
    for name in left:
        assert f"left in runs/tiny-seeds-1, not of cifarcnn: {name}\n" in answer.err
    assert Path("elsewhere.json").exists() is (damage is make_a_link)


def test_a_loop_of_the_user_is_no_folder_of_seeds(seeds: Path, call: Call):
    (seeds / "seeds.json").unlink()
    (seeds / "base.yaml").unlink()
    assert "tiny-seeds-1" not in listed(call)
    answer = call("runs", "remove", seeds, "--yes")
    assert answer.code == 1 and "Name one of them" in answer.err


def test_without_its_base_nothing_can_be_begun(seeds: Path, call: Call):
    (seeds / "base.yaml").unlink()
    answer = call("train", "--resume", seeds)
    assert answer.code == 1
    assert answer.err == (
        "error: runs/tiny-seeds-1/base.yaml is missing, from which all seeds are "
        "trained. Restore it, or remove what is left, and begin anew: cifarcnn runs "
        "remove runs/tiny-seeds-1\n"
    )


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_something_else_in_the_place_of_a_seed_stays(
    seeds: Path, call: Call, make: Callable[[Path], None]
):
    (seeds / "seeds.json").write_text('{"seeds": [1, 2, 3]}')
    make(seeds / "seed-3")
    assert listed(call)["tiny-seeds-1"]["seed_states"] == {
        "finished": 2,
        "not begun": 1,
    }
    answer = call("runs", "remove", seeds, "--yes")
    assert answer.code == 0
    assert "left in runs/tiny-seeds-1, not of cifarcnn: seed-3" in answer.err
    assert (seeds / "seed-3").exists()


def test_a_file_in_the_place_of_a_seed_is_told(seeds: Path, call: Call):
    (seeds / "seeds.json").write_text('{"seeds": [1, 2, 3]}')
    (seeds / "seed-3").touch()
    answer = call("train", "--resume", seeds)
    assert answer.code == 1
    assert "error: runs/tiny-seeds-1/seed-3 is no folder. Move it away.\n" in answer.err
    (seeds / "seed-3").unlink()
    (seeds / "seed-3").symlink_to("../../elsewhere")
    answer = call("train", "--resume", seeds)
    assert answer.code == 1
    assert "runs/tiny-seeds-1/seed-3 is a link, and no training" in answer.err


def test_what_lies_in_another_that_is_named_goes_with_it(seeds: Path, call: Call):
    inner = seeds.absolute() / "seed-1"
    answer = call("runs", "remove", inner, seeds, f"./{seeds}/", "--yes")
    assert answer.code == 0, answer.err
    assert len(answer.out.splitlines()) == 1
    assert os.listdir("runs") == ["other-1"]


def test_the_folder_that_one_is_in_can_be_named_by_a_dot(
    seeds: Path, call: Call, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir("runs/other-1")
    answer = call("runs", "remove", ".", "--yes")
    assert answer.code == 0, answer.err
    assert os.listdir() == []


def test_the_options_of_the_list_are_not_ignored_where_something_is_removed(
    seeds: Path, call: Call
):
    answer = call("runs", "--root", "elsewhere", "remove", "runs/other-1", "--yes")
    assert answer.code == 2
    assert "The options of `runs` are for the list" in answer.err
    assert Path("runs/other-1").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("duration_seconds", "nan"),
        ("duration_seconds", "inf"),
        ("duration_seconds", -5),
        ("kept", {"val_accuracy": 7e300}),
        ("kept", {"val_accuracy": "NaN"}),
    ],
)
def test_a_figure_that_cannot_be_is_a_damage(
    seeds: Path, call: Call, key: str, value: object
):
    content = json.dumps({**METRICS, key: value})
    Path("runs/other-1/metrics.json").write_text(content)
    run = listed(call)["other-1"]
    assert run["state"] == "damaged"
    answer = call("runs", "--sort", "time")
    assert answer.code == 0
    assert answer.err.startswith("note: a document in runs/other-1 is damaged.")


def test_a_folder_that_was_removed_just_now_is_not_made_anew_by_its_lock(seeds: Path):
    gone = seeds / "seed-9"
    with pytest.raises(RunError, match="is not there any more"), lock_run(gone):
        pytest.fail("held")
    assert not gone.exists()


def test_two_that_remove_the_same_at_once_come_to_an_end(seeds: Path):
    command = [sys.executable, "-m", "cifarcnn", "runs", "remove", "--yes"]
    processes = [
        subprocess.Popen(
            [*command, "runs/tiny-seeds-1", "runs/other-1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in processes]
    assert 0 in [process.returncode for process in processes], said
    assert not any("Traceback" in text or "fault" in text for text in said), said
    assert os.listdir("runs") == []
