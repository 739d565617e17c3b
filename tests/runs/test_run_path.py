"""Where runs are made, and how they are found again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarcnn.errors import RunError
from cifarcnn.runs import Run, run_path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_run(path: str) -> Path:
    made = Path(path)
    made.mkdir(parents=True)
    (made / "config.yaml").write_text("name: x\n")
    return made


def refusal(path: str | None) -> str:
    with pytest.raises(RunError) as caught:
        Run.open(None if path is None else Path(path))
    return str(caught.value)


def test_runs_of_a_name_are_numbered_from_1_on() -> None:
    paths = [Run.create(Path("runs"), "article").path for _ in range(3)]
    assert paths == [Path(f"runs/article-{n}") for n in (1, 2, 3)]


def test_a_number_follows_the_highest_and_a_gap_stays() -> None:
    make_run("runs/a-1")
    make_run("runs/a-7")
    make_run("runs/a-b-9")
    make_run("runs/a.b-3")
    assert Run.create(Path("runs"), "a").path == Path("runs/a-8")
    assert Run.create(Path("runs"), "a.b").path == Path("runs/a.b-4")


def test_latest_names_the_newest_by_a_relative_link() -> None:
    Run.create(Path("runs"), "a")
    Run.create(Path("runs"), "b")
    assert os.readlink("runs/latest") == "b-1"
    assert sorted(os.listdir("runs")) == ["a-1", "b-1", "latest"]


def test_processes_that_start_together_get_folders_of_their_own() -> None:
    code = (
        "import sys; from pathlib import Path; from cifarcnn.runs import Run\n"
        "sys.stdin.readline()\n"
        "for _ in range(20): print(Run.create(Path('runs'), 'x').path)"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(3)
    ]
    for worker in workers:
        if worker.stdin:
            worker.stdin.write("go\n")
            worker.stdin.flush()
    names = [name for worker in workers for name in worker.communicate()[0].split()]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert len(names) == 60 and len(set(names)) == 60
    assert (Path("runs") / os.readlink("runs/latest")).is_dir()


def test_a_file_in_the_place_of_the_root_is_named() -> None:
    Path("runs").write_text("")
    with pytest.raises(RunError) as caught:
        Run.create(Path("runs"), "a")
    assert str(caught.value) == (
        "No folder for a run can be made in runs: File exists. Name another place "
        "with --run DIR."
    )


def test_a_folder_called_latest_is_not_replaced() -> None:
    make_run("runs/latest")
    with pytest.raises(RunError) as caught:
        Run.create(Path("runs"), "a")
    assert str(caught.value) == (
        "runs/latest is a folder, but that name belongs to the pointer to the newest "
        "run. Rename the folder."
    )
    assert (Path("runs/latest") / "config.yaml").exists()


def test_a_pointer_in_a_folder_that_is_gone_is_named() -> None:
    from cifarcnn.runs.run_path import point_latest

    with pytest.raises(RunError) as caught:
        point_latest(Path("gone"), "a-1")
    assert str(caught.value) == (
        "gone/latest cannot be written: No such file or directory."
    )


def test_where_links_are_refused_latest_is_a_text_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("A required privilege is not held by the client")

    monkeypatch.setattr(os, "symlink", refuse)
    made = Run.create(Path("runs"), "a")
    (made.path / "config.yaml").write_text("")
    assert Path("runs/latest").read_text() == "a-1\n"
    assert Run.open().path == Path("runs/a-1")
    assert Run.open(Path("runs/latest")).path == Path("runs/a-1")


def test_a_named_folder_is_made_with_its_parents() -> None:
    assert Run.at(Path("deep/er/mine")).path.is_dir()
    assert not Path("runs").exists()


def test_a_named_folder_under_runs_becomes_the_latest() -> None:
    Run.at(Path("runs/mine"))
    assert os.readlink("runs/latest") == "mine"


def test_an_empty_folder_is_taken_and_a_full_one_refused() -> None:
    Path("empty").mkdir()
    Run.at(Path("empty"))
    make_run("full")
    with pytest.raises(RunError) as caught:
        Run.at(Path("full"))
    assert str(caught.value) == (
        "full is not empty (it holds 'config.yaml'), and nothing is overwritten. Name "
        "a new folder, or leave --run out for the next free one under ./runs."
    )


def test_of_several_names_one_is_told_that_a_look_into_the_folder_shows() -> None:
    for name in (".hidden", "notes.txt", "run.yaml"):
        Path("full").mkdir(exist_ok=True)
        (Path("full") / name).write_text("")
    with pytest.raises(RunError) as caught:
        Run.at(Path("full"))
    assert str(caught.value).startswith("full is not empty (it holds 'notes.txt'), ")


def test_the_name_latest_is_refused_for_a_run() -> None:
    with pytest.raises(RunError) as caught:
        Run.at(Path("runs/latest"))
    assert str(caught.value) == (
        "runs/latest cannot become a run: the name `latest` belongs to the pointer to "
        "the newest run. Choose another name."
    )


def test_a_file_in_the_place_of_a_new_run_is_named() -> None:
    Path("taken").write_text("")
    with pytest.raises(RunError) as caught:
        Run.at(Path("taken"))
    assert str(caught.value) == (
        "taken cannot become the folder of a run: File exists. Name another place "
        "with --run DIR."
    )


def test_an_existing_run_opens_by_its_path_and_as_the_latest() -> None:
    made = Run.create(Path("runs"), "a")
    (made.path / "config.yaml").write_text("")
    assert Run.open(Path("runs/a-1")).path == Path("runs/a-1")
    assert Run.open().path == Path("runs/a-1")
    assert Run.open(Path("runs/latest")).path == Path("runs/a-1")


def test_where_nothing_is_shipped_the_way_to_a_first_run_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_path, "find_shipped_run", lambda name: None)
    assert refusal(None) == (
        "There is no run to take: runs/latest does not exist. Train one with `cifarcnn "
        "train --config quickstart`, or name a run with --run DIR."
    )


@pytest.mark.parametrize("target", ["/etc", "../secret", "a/b", "..", ".", "latest"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_pointer_that_leads_elsewhere_is_refused(target: str, kind: str) -> None:
    Path("runs").mkdir()
    make_run("secret")
    if kind == "link":
        os.symlink(target, "runs/latest")
    else:
        Path("runs/latest").write_text(target)
    assert refusal(None) == (
        f"runs/latest points to {target!r}, but it may only name a folder beside "
        "itself. Remove it and name the run with --run DIR."
    )


def test_a_pointer_to_a_removed_run_says_so() -> None:
    Path("runs").mkdir()
    os.symlink("a-9", "runs/latest")
    assert refusal(None) == (
        "runs/latest points to 'a-9', which is no folder there (any more). Name "
        "another run with --run DIR; `cifarcnn runs` lists those that are."
    )


def test_a_path_that_does_not_exist_says_so() -> None:
    assert refusal("nowhere") == (
        "nowhere does not exist. Name the folder that `cifarcnn train` reported; "
        "`cifarcnn runs` lists those under ./runs."
    )


def test_a_bare_name_of_a_run_under_runs_is_understood_as_a_slip() -> None:
    make_run("runs/a-1")
    assert refusal("a-1") == "a-1 does not exist. Did you mean runs/a-1?"


def test_a_model_file_is_not_loaded() -> None:
    Path("model.keras").write_bytes(b"PK")
    assert refusal("model.keras") == (
        "model.keras is a file, not the folder of a run. Model files of unknown origin "
        "are not loaded, because they can run code. Name the folder that `cifarcnn "
        "train` wrote; if you trust a model.keras, open it in Python with "
        "keras.models.load_model."
    )


def test_a_folder_without_a_config_is_no_run() -> None:
    Path("photos").mkdir()
    assert refusal("photos") == (
        "photos is not the folder of a run: config.yaml is missing. Name the folder "
        "that `cifarcnn train` reported; `cifarcnn runs` lists those under "
        "./runs."
    )


def test_a_path_is_no_name_of_a_shipped_run(folder: Path) -> None:
    shipped = Run.open("speedrun")
    assert shipped.path.name == shipped.title == "speedrun"
    for path in ("./speedrun", "speedrun/"):
        with pytest.raises(RunError, match=r"^speedrun does not exist\."):
            Run.open(path)
    Path("link").symlink_to(shipped.path)
    assert Run.open("link").title == "speedrun"
    make_run("speedrun")
    assert Run.open("./speedrun").path == Run.open("speedrun").path == Path("speedrun")


def test_runs_that_cannot_be_read_are_not_passed_over(folder: Path) -> None:
    Path("runs").symlink_to("runs")
    assert refusal(None) == ("runs cannot be read: Too many levels of symbolic links.")
