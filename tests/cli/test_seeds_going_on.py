"""``train --seeds`` that does not come to its end, and goes on."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

import cifarcnn
from cifarcnn.runs.seeds_folder import make_seeds_folder
from tests.cli.test_seeds import CONFIG
from tests.conftest import refuse_litert
from tests.dark_and_light import draw_dark_and_light

pytestmark = pytest.mark.slow
no_litert = pytest.mark.usefixtures("no_litert")

Call = Callable[..., Any]
COMMAND = [sys.executable, "-m", "cifarcnn", "train"]
WAY_ON = "Go on with all that is left: cifarcnn train --resume runs/t"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder, with a finished sequence of the seeds 3, 4, 5; to be copied."""
    folder = tmp_path_factory.mktemp("seeds")
    draw_dark_and_light(folder / "pictures")
    (folder / "tiny.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        refuse_litert(patch)
        config = cifarcnn.load_config("tiny.yaml")
        made = make_seeds_folder(
            *(Path("runs/t"), Path("runs"), "tiny", (3, 4, 5)),
            *(config.to_yaml().encode(),),
            smoke=False,
        )
        for seed in made.seeds:
            with_seed = cifarcnn.load_config(made.base_path, {"training.seed": seed})
            cifarcnn.train(with_seed, made.run_path(seed), device="cpu")
    return folder


@pytest.fixture
def place(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder of the seeds, in a working folder of its own."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Path("runs/t")


@pytest.fixture
def start(place: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    begun = []

    def start(*options: object) -> subprocess.Popen[str]:
        command = [*COMMAND, *map(str, options), "--device", "cpu"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def weights(run: Path) -> dict[str, bytes]:
    arrays = load_file(run / "last.safetensors")
    return {name: array.tobytes() for name, array in arrays.items()}


def read_seeds(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "seeds.json").read_text())
    return content


@no_litert
def test_killed_in_the_second_all_come_to_the_same_bits(
    place: Path, start: Callable[..., subprocess.Popen[str]], call: Call
):
    epochs = ("--set", "training.epochs=60")
    process = start("-c", "tiny.yaml", "--seeds", "3,4", "--run", "cut", *epochs)
    wait_for(Path("cut/seed-4/history.csv"), process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not Path("cut/seed-4/metrics.json").exists()
    assert list(Path("cut/seed-4/checkpoint").iterdir())
    before = Path("cut/seed-3/metrics.json").stat().st_mtime_ns
    (listed,) = json.loads(call("runs", "--root", ".", "--json").out)["runs"]
    assert listed["state"] == "stopped"
    answer = call("train", "--resume", "cut", "--device", "cpu")
    assert (answer.code, answer.out) == (0, "cut\n"), answer.err
    assert "seed 3 (1 of 2): finished\nseed 4 (2 of 2)\n" in answer.err
    assert "resumed: " in answer.err
    assert Path("cut/seed-3/metrics.json").stat().st_mtime_ns == before
    whole = call(
        *("train", "-c", "tiny.yaml", "--seeds", "3,4", "--run", "whole", *epochs),
        *("--device", "cpu"),
    )
    assert whole.code == 0, whole.err
    for seed in ("seed-3", "seed-4"):
        assert weights(Path("cut") / seed) == weights(Path("whole") / seed)
    assert read_seeds(Path("cut")) == read_seeds(Path("whole"))


@no_litert
def test_what_fails_says_which_are_done_and_how_all_go_on(
    place: Path, finished: Path, call: Call
):
    shutil.rmtree(place / "seed-5")
    shutil.move("pictures", "elsewhere")
    answer = call("train", "--resume", place, "--device", "cpu")
    assert (answer.code, answer.out) == (1, "")
    error, *further = answer.err.splitlines()[-3:]
    assert error.startswith("error: ") and "pictures" in error
    assert further == ["Finished: seeds 3, 4; not begun: seed 5.", WAY_ON]
    # What it said is so.
    shutil.move("elsewhere", "pictures")
    command = shlex.split(further[1].partition(": cifarcnn ")[2])
    answer = call(*command, "--device", "cpu")
    assert (answer.code, answer.out) == (0, "runs/t\n"), answer.err
    assert "seed 3 (1 of 3): finished\n" in answer.err
    assert weights(place / "seed-5") == weights(finished / place / "seed-5")


@no_litert
def test_on_a_full_disk_the_others_are_not_tried(place: Path, call: Call):
    for seed in (4, 5):
        shutil.rmtree(place / f"seed-{seed}")
    # No file may become larger than the smallest document.
    script = (
        "import resource, sys; from cifarcnn.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))\n"
        "sys.argv[1:] = ['train', '--resume', 'runs/t', '--device', 'cpu']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert "seed 4 (2 of 3)\n" in done.stderr and "seed 5 (" not in done.stderr
    assert "File too large" in done.stderr
    assert done.stderr.endswith(
        f"Finished: seed 3; stopped: seed 4; not begun: seed 5.\n{WAY_ON}\n"
    )
    answer = call("train", "--resume", place, "--device", "cpu")
    assert answer.code == 0, answer.err
    assert set(read_seeds(place)["val_accuracy"]["by_seed"]) == {"3", "4", "5"}


def test_where_none_was_begun_no_folder_is_left(place: Path, call: Call):
    missing = ("--set", "data.path=nowhere")
    answer = call("train", "-c", "tiny.yaml", "--seeds", "2", *missing)
    assert answer.code == 1 and "nowhere" in answer.err
    assert "Go on" not in answer.err
    assert os.listdir("runs") == ["t"]


@no_litert
def test_the_minutes_are_those_of_all(place: Path, call: Call):
    many = ("--set", "training.epochs=20000")
    begun = time.perf_counter()
    answer = call(
        *("train", "-c", "tiny.yaml", "--seeds", "1,2,3", "--run", "new", *many),
        *("--max-minutes", "0.02", "--device", "cpu"),
    )
    assert time.perf_counter() - begun >= 1
    assert (answer.code, answer.out) == (0, "new\n"), answer.err
    assert "The 0.02 minutes of training.max_minutes are over; " in answer.err
    assert "seed 2 (2 of 3)" not in answer.err
    assert answer.err.endswith(
        "Stopped: seed 1; not begun: seeds 2, 3.\n"
        "Go on with all that is left: cifarcnn train --resume new\n"
    )
    assert not Path("new/seed-2").exists()
    (listed,) = json.loads(call("runs", "--root", ".", "--json").out)["runs"]
    assert listed["state"] == "stopped"
    assert listed["seed_states"] == {"stopped": 1, "not begun": 2}


@no_litert
def test_the_time_may_be_over_between_two(place: Path, call: Call):
    for seed in (3, 4, 5):
        shutil.rmtree(place / f"seed-{seed}")
    # One step for each, in which the time ends that another one would need.
    least = ("training.epochs=1", "training.batch_size=60", "training.max_minutes=1e-6")
    lines = [word for setting in least for word in ("--set", setting)]
    answer = call(
        *("train", "-c", "tiny.yaml", "--seeds", "3,4,5", "--run", "one", *lines),
        *("--device", "cpu"),
    )
    assert (answer.code, answer.out) == (0, "one\n"), answer.err
    assert "minutes of training.max_minutes are over" in answer.err
    assert "seed 4 (2 of 3)" not in answer.err
    assert answer.err.endswith(
        "not begun: seeds 4, 5.\n"
        "Go on with all that is left: cifarcnn train --resume one\n"
    )


def test_a_signal_while_one_is_finished_ends_the_sequence(place: Path, call: Call):
    for seed in (3, 4, 5):
        shutil.rmtree(place / f"seed-{seed}")

    def send() -> None:
        while not (place / "seed-3" / "model.keras").exists():
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    answer = call("train", "--resume", place, "--device", "cpu")
    sender.join()
    assert answer.code == 130, answer.err
    assert answer.err.endswith(f"5.\n{WAY_ON}\n")
    assert not (place / "seed-5").exists()


def diverge(place: Path, seed: int) -> None:
    """Put a run that really diverged in the place of that of a seed."""
    shutil.rmtree(place / f"seed-{seed}")
    wild = {
        "training.seed": seed,
        "model.layers[3].Dense.kernel_regularizer": {"L2": 1000.0},
        "training.optimizer": {"SGD": {"learning_rate": 1000}},
    }
    config = cifarcnn.load_config(place / "base.yaml", wild)
    with pytest.raises(cifarcnn.errors.DivergedError):
        cifarcnn.train(config, place / f"seed-{seed}", device="cpu")


@no_litert
def test_one_diverged_and_the_others_are_finished(
    place: Path, finished: Path, call: Call
):
    diverge(place, 4)
    shutil.rmtree(place / "seed-5")
    (listed,) = json.loads(call("runs", "--json").out)["runs"]
    # It can go on, which its state says.
    assert listed["state"] == "stopped"
    answer = call("train", "--resume", place, "--device", "cpu")
    # As of several pictures of which one cannot be read.
    assert (answer.code, answer.out) == (4, "runs/t\n"), answer.err
    assert "seed 4 (2 of 3): diverged\nseed 5 (3 of 3)\n" in answer.err
    assert answer.err.endswith(
        "1 of 3 seeds diverged; the figures are of the 2 that are finished.\n"
    )
    rows = [line.split() for line in answer.err.splitlines()]
    assert ["4", "diverged"] in rows
    shares = [
        json.loads((place / f"seed-{seed}" / "metrics.json").read_text())["kept"][
            "val_accuracy"
        ]
        for seed in (3, 5)
    ]
    kept = read_seeds(place)["val_accuracy"]
    assert kept["by_seed"] == {"3": shares[0], "5": shares[1]}
    assert kept["mean"] == pytest.approx(statistics.fmean(shares))
    (listed,) = json.loads(call("runs", "--json").out)["runs"]
    assert listed["state"] == "diverged"
    assert listed["val_accuracy"] == pytest.approx(statistics.fmean(shares))
    assert listed["seed_states"] == {"finished": 2, "diverged": 1}
    assert "diverged, 3 seeds: 2 finished, 1 diverged" in call("runs").out
    shutil.copytree(finished / place, "runs/whole")
    compared = call("compare", "runs/t", "runs/whole", "--json")
    assert compared.code == 0, compared.err


@no_litert
def test_what_is_set_for_all_holds_for_those_not_begun_after_a_kill(
    place: Path, call: Call
):
    shutil.rmtree(place / "seed-5")
    (place / "seed-4" / "metrics.json").unlink()
    before = (place / "base.yaml").read_bytes()
    refused = call("train", "--resume", place, "--set", "training.batch_size=8")
    assert refused.code == 2
    assert "runs/t cannot go on with other settings: training.batch_size" in refused.err
    refused = call(
        *("train", "--resume", place, "--set", "training.epochs=1", "--device", "cpu")
    )
    assert refused.code == 2
    assert "runs/t/seed-3 cannot end after 1 epochs" in refused.err
    assert (place / "base.yaml").read_bytes() == before
    # Stopped at once, as far as those behind the first are concerned.
    longer = ("--set", "training.epochs=3", "--max-minutes", "0.00001")
    assert call("train", "--resume", place, *longer, "--device", "cpu").code == 0
    rest = ("--set", "training.max_minutes=null", "--device", "cpu")
    answer = call("train", "--resume", place, *rest)
    assert answer.code == 0, answer.err
    for seed in (3, 4, 5):
        rows = (place / f"seed-{seed}" / "history.csv").read_text().splitlines()
        assert len(rows) == 1 + 3


@no_litert
@pytest.mark.parametrize("left", ["config.yaml", ".config.yaml.0a.tmp"])
def test_one_killed_before_its_first_step_is_begun_anew_as_it_was(
    place: Path, call: Call, left: str
):
    shutil.move(place / "seed-5", "whole-5")
    (place / "seed-5").mkdir()
    shutil.copy("whole-5/config.yaml", place / "seed-5" / left)
    content = read_seeds(place)
    (place / "seeds.json").write_text(json.dumps({**content, "smoke": True}))
    answer = call("train", "--resume", place, "--device", "cpu")
    assert answer.code == 0, answer.err
    assert json.loads((place / "seed-5" / "metrics.json").read_text())["smoke"] is True


@no_litert
def test_a_damaged_run_is_told_before_anything_is_trained(place: Path, call: Call):
    (place / "seed-4" / "metrics.json").write_text("{")
    shutil.rmtree(place / "seed-5")
    answer = call("train", "--resume", place, "--device", "cpu")
    assert answer.code == 1
    *_, problem, way_out = answer.err.splitlines()
    assert "runs/t/seed-4/metrics.json is damaged" in problem
    assert way_out == (
        "To train anew what is damaged: cifarcnn runs remove runs/t/seed-4"
    )
    assert not (place / "seed-5").exists()
    assert call("runs", "remove", "runs/t/seed-4", "--yes").code == 0
    assert call("train", "--resume", place, "--device", "cpu").code == 0


def test_two_processes_never_train_in_one_folder(
    place: Path, start: Callable[..., subprocess.Popen[str]], call: Call
):
    same = ("-c", "tiny.yaml", "--seeds", "8,9", "--run", "both")
    processes = [start(*same), start(*same)]
    while all(process.poll() is None for process in processes):
        time.sleep(0.01)
    (loser,) = (process for process in processes if process.poll() is not None)
    said = loser.communicate()[1]
    assert loser.returncode == 1
    assert said.startswith("error: both ") and said.count("\n") == 1
    # The other one's is whole.
    assert read_seeds(Path("both"))["seeds"] == [8, 9]
    assert cifarcnn.load_config("both/base.yaml").training.epochs == 2


def test_a_folder_that_is_trained_in_is_left_alone(place: Path, call: Call):
    shutil.rmtree(place / "seed-5")
    script = (
        "from pathlib import Path; from cifarcnn.runs.file_lock import lock_run\n"
        "with lock_run(Path('runs/t')): print('held', flush=True); input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        (listed,) = json.loads(call("runs", "--json").out)["runs"]
        assert listed["state"] == "training"
        for command in (
            ("train", "--resume", place),
            ("runs", "remove", place, "--yes"),
        ):
            answer = call(*command)
            assert answer.code == 1
            assert "runs/t is being trained by another process." in answer.err
        process.kill()
    assert (place / "seed-3" / "metrics.json").exists()
