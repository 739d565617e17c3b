"""Real trainings on full and read-only disks, in folders that go away, side by side."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.runs import Run
from cifarcnn.runs.checkpoints import find_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_litert")]

CONFIG = """\
name: tiny
data: {dataset: synthetic}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - Flatten
    - Dense: {units: 64, activation: relu}
    - Dense: {units: 10, activation: softmax}
training: {epochs: 12, batch_size: 256}
"""
COMMAND = [sys.executable, "-m", "cifarcnn", "train", "--device", "cpu"]
ENDLESS = ["--set", "training.epochs=100000"]
needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a disk"
)
GONE = (
    "is not there any more, and what was saved in it is not either: it was removed or "
    "moved, or its disk is gone. If it was moved, go on with cifarcnn train --resume "
    "and its new place."
)
GOES_ON = "The training goes on, and tries again at its next save."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 4 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this system lets nobody mount a disk")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


@contextlib.contextmanager
def training(*arguments: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], beginning: str) -> None:
    lines = [""]
    while not lines[-1].startswith(beginning):
        line = process.stderr.readline()
        assert line, "".join(lines)
        lines.append(line)


def fill(disk: Path) -> Path:
    """Write until there is no room at all."""
    path = disk / "ballast"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    return path


def weights(run: Path) -> dict[str, bytes]:
    from safetensors.numpy import load_file

    names = ("weights.safetensors", "last.safetensors")
    return {
        f"{name} {key}": array.tobytes()
        for name in names
        for key, array in load_file(run / name).items()
    }


def test_a_disk_without_room_for_the_page_costs_nothing_but_the_page(
    folder: Path, disk: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cifarcnn.page import report_file

    write_report = report_file.write_report

    def write_on_a_full_disk(*arguments: Any) -> Path:
        fill(disk)
        return write_report(*arguments)

    monkeypatch.setattr(report_file, "write_report", write_on_a_full_disk)
    run = disk / "run"
    training = ("train", "--config", "tiny.yaml", "--smoke", "--device", "cpu")
    called = call(*training, "--run", run)
    assert (called.code, called.out) == (0, f"{run}\n")
    *_, note = called.err.splitlines()
    beginning = f"note: report.html is not written: {run / 'report.html'} cannot be "
    assert note.startswith(f"{beginning}written: No space left on device (")
    assert note.endswith(" The run is complete without it.")
    assert "report: " not in called.err
    (disk / "ballast").unlink()
    assert not [path for path in run.iterdir() if path.suffix in (".tmp", ".html")]
    judged = call("evaluate", "--run", run, "--device", "cpu")
    assert judged.code == 0 and judged.out.startswith(f"{run}, best weights (epoch ")


def require_whole(run: Path) -> None:
    """See that nothing is half written, and that what is there can be used."""
    import cifarcnn

    assert not list(run.rglob("*.tmp"))
    found, damages = find_checkpoint(Run(run).path)
    assert found is not None
    assert damages == []
    assert cifarcnn.load_run(run, device="cpu").manifest.weights


def stop_between_files(process: subprocess.Popen[str], run: Path) -> None:
    """Stop a training at a moment at which it writes none of its files."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        if not list(run.rglob("*.tmp")):
            return
        process.send_signal(signal.SIGCONT)
        read_until(process, "epoch ")


@needs_root
def test_a_full_disk_costs_no_more_than_what_could_not_be_written(
    folder: Path, disk: Path, call: Callable[..., Any]
):
    run = disk / "run"
    with training("-c", "tiny.yaml", "--run", run) as process:
        read_until(process, "epoch 1/")
        process.send_signal(signal.SIGSTOP)
        ballast = fill(disk)
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    lines = said.splitlines()
    for beginning in (
        f"note: No checkpoint can be written in {run / 'checkpoint'}: No space left on "
        "device (",
        f"note: {run / 'manifest.json'} cannot be written: No space left on device (",
    ):
        told = next(line for line in lines if line.startswith(beginning))
        assert " bytes are needed, 0 are free). " in told
        assert told.endswith(f"unharmed. {GOES_ON}")
    assert lines[-2].startswith("epoch 12/12: ")
    assert lines[-1].startswith(
        f"error: {run / 'manifest.json'} cannot be written: No space left on device ("
    )
    assert lines[-1].endswith(
        "What stood there before is unharmed. The last checkpoint is of the end of "
        "epoch 1. Once this is mended, go on with: cifarcnn train --resume "
        f"{run}"
    )
    require_whole(run)
    # The log had no room either, and nothing was lost for it.
    assert "epoch 12/12" not in (run / "log.txt").read_text()

    # Where the disk is full from the beginning, even with the words of the log.
    other = call("train", "-c", "tiny.yaml", "--run", disk / "other")
    assert other.code == 1
    assert other.err.splitlines()[-1].startswith(
        f"error: {disk / 'other' / 'config.yaml'} cannot be written: No space left on "
        "device ("
    )

    ballast.unlink()
    assert call("train", "--resume", run).code == 0
    assert call("train", "-c", "tiny.yaml", "--run", folder / "whole").code == 0
    assert weights(run) == weights(folder / "whole")
    require_whole(run)

    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    longer = call("train", "--resume", run, "--set", "training.epochs=13")
    assert longer.code == 1
    assert longer.err.splitlines()[-1] == (
        f"error: {run} cannot be written: Read-only file system."
    )
    third = call("train", "-c", "tiny.yaml", "--run", disk / "third")
    assert third.code == 1
    assert third.err.splitlines()[-1] == (
        f"error: {disk / 'third'} cannot become the folder of a run: Read-only file "
        "system. Name another place with --run DIR."
    )
    assert call("evaluate", "--run", run).code == 0


def test_files_that_may_not_become_large_are_told_and_cost_no_other(
    folder: Path, call: Callable[..., Any]
):
    # Fills the cache of the data, which is larger.
    assert call("data", "show", "-c", "tiny.yaml", "--out", "data.png").code == 0
    run = folder / "run"

    def limit() -> None:
        # Room for the weights (70 kB), but not for a checkpoint (280 kB).
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    short = ["--set", "training.epochs=2"]
    with training("-c", "tiny.yaml", "--run", run, *short, preexec_fn=limit) as process:
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    checkpoint = (
        f"No checkpoint can be written in {run / 'checkpoint'}: File too large. Those "
        "of before are unharmed."
    )
    assert said.count(f"note: {checkpoint} {GOES_ON}\n") == 2
    assert said.splitlines()[-1] == f"error: {checkpoint}"
    assert not list((run / "checkpoint").iterdir())
    assert call("evaluate", "--run", run).code == 0


def test_folders_that_change_while_a_training_runs(
    folder: Path, call: Callable[..., Any]
):
    run = folder / "run"
    with training("-c", "tiny.yaml", "--run", run, *ENDLESS) as process:
        read_until(process, "epoch 1/")
        # Somebody else goes on with it at the same time.
        second = call("train", "--resume", run)
        assert second.code == 1
        assert second.err.splitlines()[-1] == (
            f"error: {run} is being trained by another process. Wait for its end, or "
            "stop it."
        )
        third = call("train", "-c", "tiny.yaml", "--run", run)
        assert third.code == 1
        assert third.err.splitlines()[-1] == (
            f"error: {run} is not empty (it holds 'checkpoint'), and nothing is "
            "overwritten. Name a new folder, or leave --run out for the next free one "
            "under ./runs."
        )
        # Checkpoints that are removed are made again.
        stop_between_files(process, run)
        shutil.rmtree(run / "checkpoint")
        process.send_signal(signal.SIGCONT)
        # Lines of before may still be on their way.
        while len(list((run / "checkpoint").glob("epoch-*"))) < 2:
            read_until(process, "epoch ")
        stop_between_files(process, run)
        require_whole(run)
        # The run itself goes elsewhere.
        moved = run.rename(folder / "moved")
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said.splitlines()[-1] == f"error: {run} {GONE}"
    assert not run.exists()
    require_whole(moved)


def test_a_run_that_is_removed_while_it_is_trained(folder: Path):
    run = folder / "run"
    with training("-c", "tiny.yaml", "--run", run, *ENDLESS) as process:
        read_until(process, "epoch 1/")
        process.send_signal(signal.SIGSTOP)
        shutil.rmtree(run)
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said.splitlines()[-1] == f"error: {run} {GONE}"
    assert not run.exists()


@needs_root
def test_a_run_whose_disk_goes_away_while_it_is_trained(folder: Path, disk: Path):
    run = disk / "run"
    with training("-c", "tiny.yaml", "--run", run, *ENDLESS) as process:
        read_until(process, "epoch 1/")
        process.send_signal(signal.SIGSTOP)
        # Without its name, as a stick that is pulled out.
        subprocess.run(["umount", "--lazy", disk], check=True)
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=120)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)  # to unmount
    assert process.returncode == 1
    assert said.splitlines()[-1] == f"error: {run} {GONE}"


@pytest.fixture
def frozen(folder: Path) -> Iterator[Callable[[Path], None]]:
    """Makes a folder and those in it unchangeable, for root as well."""
    changed: list[Path] = []

    def freeze(run: Path) -> None:
        for path in (run, run / "checkpoint"):
            changed.append(path)
            if os.geteuid() == 0:
                done = subprocess.run(["chattr", "+i", path], capture_output=True)
                if done.returncode:
                    pytest.skip("this disk knows no unchangeable folders")
            else:
                path.chmod(0o555)

    yield freeze
    for path in changed:
        if os.geteuid() == 0:
            subprocess.run(["chattr", "-i", path], check=True)
        else:
            path.chmod(0o755)


def test_a_folder_that_becomes_read_only(
    folder: Path, frozen: Callable[[Path], None], call: Callable[..., Any]
):
    run = folder / "run"
    with training("-c", "tiny.yaml", "--run", run, *ENDLESS) as process:
        read_until(process, "epoch 1/")
        process.send_signal(signal.SIGSTOP)
        frozen(run)
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=120)
    refused = "Operation not permitted" if os.geteuid() == 0 else "Permission denied"
    assert process.returncode == 1
    # Which file comes next depends on the moment.
    checkpoint = f"No checkpoint can be written in {run / 'checkpoint'}: {refused}. "
    others = rf"{run}/\S+ cannot be written: {refused}\. What stood there "
    assert re.fullmatch(
        f"error: ({re.escape(checkpoint)}Those of |{others})before (are|is) unharmed"
        r"\. The last checkpoint is of the end of epoch \d+\. Once this is mended, go "
        f"on with: cifarcnn train --resume {run}",
        said.splitlines()[-1],
    )
    # It can still be used, and says why it cannot be trained further.
    assert call("evaluate", "--run", run).code == 0
    again = call("train", "--resume", run)
    assert again.code == 1
    assert again.err.splitlines()[-1] in (
        f"error: {run / 'environment.json'} cannot be written: {refused}. What stood "
        "there before is unharmed.",
        # Where a file was half-written at that moment, which cannot be cleared away.
        f"error: {run} cannot be written: {refused}.",
    )


def test_two_trainings_that_want_the_same_new_folder(folder: Path):
    run = folder / "run"
    start = ("-c", "tiny.yaml", "--smoke", "--run", run)
    with training(*start) as one, training(*start) as other:
        said = {
            process.wait(timeout=120): process.communicate()[1]
            for process in (one, other)
        }
    assert sorted(said) == [0, 1]
    # The other has just locked it, or is further.
    assert re.fullmatch(
        f"error: {run} is being trained by another process. Wait for its end, or stop "
        f"it.|error: {run} is not empty \\(it holds '[^']+'\\), and nothing is "
        "overwritten. Name a new folder, or leave --run out for the next free one "
        "under ./runs.",
        said[1].splitlines()[-1],
    )
    assert Run(run).finished


def test_a_training_that_diverges_has_an_exit_code_of_its_own(
    folder: Path, call: Callable[..., Any]
):
    # Weight decay by far too large a rate.
    dense = "{Dense: {units: 10, kernel_regularizer: {L2: 1.0}}}"
    found = call(
        *("train", "-c", "tiny.yaml", "--run", "run", "--smoke"),
        *("--set", f"model.layers=[Flatten, {dense}]"),
        *("--set", "training.optimizer={SGD: 100.0}"),
        *("--set", "training.batch_size=16"),
    )
    assert found.code == 4
    assert found.err.splitlines()[-1].startswith(
        "error: In epoch 1, at step 9 of 32, the loss is not finite any more: the "
        "training diverged, at a learning rate of 100. Train anew with a tenth of it, "
    )
