"""What is made is given its name at the end, and nothing else is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cifarcnn.errors import UsageError
from cifarcnn.export import output_path
from cifarcnn.export.output_path import (
    example_path,
    made_beside,
    move_into_place,
    require_free,
)


def test_of_two_that_make_the_same_file_the_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with made_beside(path) as one, made_beside(path) as other:
        for folder, text in ((one, "first"), (other, "second")):
            (folder / path.name).write_text(text)
        move_into_place(one / path.name, path, "example")
        with pytest.raises(UsageError) as caught:
            move_into_place(other / path.name, path, "another")
    assert str(caught.value) == (
        f"{path} exists already, and nothing is replaced. Name another place with "
        "--out, or move it away first."
    )
    assert path.read_text() == "first"
    assert example_path(path).read_text() == "example"
    assert sorted(os.listdir(tmp_path)) == ["net-onnx-example.py", "net.onnx"]


@pytest.mark.parametrize("folder", [False, True])
def test_what_comes_up_at_the_last_moment_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bool
) -> None:
    path = tmp_path / "net"
    with made_beside(path) as made:
        if folder:
            (made / "net" / "variables").mkdir(parents=True)
        else:
            (made / "net").write_text("mine")
        fsync = os.fsync

        def come_up(descriptor: int) -> None:
            fsync(descriptor)
            path.mkdir(exist_ok=True)
            (path / "theirs").write_text("theirs")

        monkeypatch.setattr(os, "fsync", come_up)
        with pytest.raises(UsageError):
            move_into_place(made / "net", path, "example")
    assert (path / "theirs").read_text() == "theirs"
    assert os.listdir(tmp_path) == ["net"]


def test_a_disk_without_links_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    # As vfat does.
    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "net.onnx"
    with made_beside(path) as made:
        (made / "net.onnx").write_text("mine")
        move_into_place(made / "net.onnx", path, "example")
    assert (path.read_text(), example_path(path).read_text()) == ("mine", "example")


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from cifarcnn.export.output_path import made_beside, visible_folder
with made_beside(Path("net.onnx")) as folder:
    (folder / "net.onnx").write_text("half")
    if len(sys.argv) > 1:
        visible_folder(folder).mkdir()
    print("made", flush=True)
    time.sleep(100)
"""


def test_what_a_killed_process_leaves_is_cleared_away_by_the_next(
    tmp_path: Path,
) -> None:
    script = KILLED.format(root=str(Path(__file__).parents[2]))
    command = [sys.executable, "-c", script]
    (tmp_path / ".mine.tmp").mkdir()
    both = [
        subprocess.Popen(
            [*command, *more], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        for more in (["visible"], [])
    ]
    for process in both:
        assert process.stdout and process.stdout.readline() == "made\n"
    killed, alive = both
    assert len(os.listdir(tmp_path)) == 4
    killed.kill()
    killed.communicate()
    with made_beside(tmp_path / "other.keras"):
        # That of the other, which is at work, stays, and so does what is not of these.
        assert len(os.listdir(tmp_path)) == 3
    alive.send_signal(signal.SIGINT)
    alive.communicate()
    assert os.listdir(tmp_path) == [".mine.tmp"]


KILLED_IN_BETWEEN = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from cifarcnn.export import output_path
rename = output_path._rename_new
def rename_and_die(made, path):
    rename(made, path)
    os.kill(os.getpid(), signal.SIGKILL)
output_path._rename_new = rename_and_die
with output_path.made_beside(Path({name!r})) as folder:
    made = folder / {name!r}
    if made.suffix:
        made.write_text("whole")
    else:
        made.mkdir()
    output_path.move_into_place(made, Path({name!r}), "example")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
@pytest.mark.parametrize("name", ["net.onnx", "net"])
def test_one_that_is_killed_between_both_leaves_the_file_and_it_is_said(
    tmp_path: Path, name: str
) -> None:
    script = KILLED_IN_BETWEEN.format(root=str(Path(__file__).parents[2]), name=name)
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL
    path = tmp_path / name
    assert path.exists() and not example_path(path).exists()
    with pytest.raises(UsageError) as caught:
        require_free(path)
    assert str(caught.value) == (
        f"{path} exists already, and nothing is replaced. Name another place with "
        f"--out, or move it away first. {example_path(path).name}, which an export "
        "writes last, is not beside it: perhaps one was killed just before."
    )
    with made_beside(path):
        assert len(os.listdir(tmp_path)) == 2
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["net.onnx", "net"])
def test_of_an_example_whose_name_is_taken_meanwhile_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    rename = output_path._rename_new

    def come_up(made: Path, target: Path) -> None:
        rename(made, target)
        example_path(path).write_text("theirs")

    monkeypatch.setattr(output_path, "_rename_new", come_up)
    with made_beside(path) as folder:
        made = folder / name
        made.write_text("mine") if made.suffix else made.mkdir()
        with pytest.raises(UsageError):
            move_into_place(made, path, "example")
    assert os.listdir(tmp_path) == [example_path(path).name]
    assert example_path(path).read_text() == "theirs"


STOPPED = """
import signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from cifarcnn.export.own_process import export_in_own_process
signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))
export_in_own_process(
    Path({run!r}), Path("net.keras"), "keras", "float32", "best", None
)
"""


@pytest.mark.slow
def test_a_signal_ends_the_process_that_writes_for_another_one(
    trained_run: Path, tmp_path: Path
) -> None:
    root = str(Path(__file__).parents[2])
    script = STOPPED.format(root=root, run=str(trained_run))
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path)
    while process.poll() is None and not list(tmp_path.rglob("net.keras")):
        time.sleep(0.02)
    process.terminate()
    assert process.wait() == 143
    assert os.listdir(tmp_path) == []
