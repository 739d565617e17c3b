"""The process that makes ``model.tflite`` where Keras runs on JAX, and its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cifarcnn
from cifarcnn.errors import RunError
from cifarcnn.litert import own_process
from cifarcnn.litert.own_process import convert_in_own_process
from cifarcnn.litert.runtime import LiteRTModel

CONVERT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pathlib import Path
from cifarcnn.litert.own_process import convert_in_own_process
Path(sys.argv[3]).write_bytes(convert_in_own_process(Path(sys.argv[2]), lambda: False))
print(sorted({"tensorflow", "keras", "numpy"} & set(sys.modules)))
"""


def children(process: int) -> list[int]:
    """The processes that a process started, as Linux lists them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(") ")[2].split()[1]
        except OSError:
            continue
        if int(parent) == process:
            found.append(int(folder.name))
    return found


def wait_for_child(process: int) -> int:
    while not (found := children(process)):
        time.sleep(0.02)
    return found[0]


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.mark.slow
def test_it_is_as_good_as_from_this_process_whatever_surrounds_it(
    trained_run: Path, tmp_path: Path
) -> None:
    # A working folder full of files that are named like modules, a Python that has
    # none of the packages, options for another XLA, and warnings that are errors.
    for name in ("tensorflow", "numpy", "random", "json", "cifarcnn", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong file')\n")
    places = [*filter(None, sys.path), str(Path(cifarcnn.__file__).parents[1]), ""]
    arguments = [json.dumps(places), str(trained_run), str(tmp_path / "made")]
    variables = {"XLA_FLAGS": "--xla_of_jax_only=1", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys._base_executable, "-P", "-c", CONVERT, *arguments],  # type: ignore[attr-defined]
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
    content = (tmp_path / "made").read_bytes()
    assert content == (trained_run / "model.tflite").read_bytes()
    assert LiteRTModel("it", content, 10).predict(
        np.zeros((1, 32, 32, 3), np.uint8)
    ).shape == (1, 10)


def refusal(folder: Path, stopped: object = lambda: False) -> str:
    with pytest.raises(RunError) as caught:
        convert_in_own_process(folder, stopped)  # type: ignore[arg-type]
    return str(caught.value)


def test_without_tensorflow_no_process_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert refusal(tmp_path) == "only TensorFlow can make it, which is not installed."


def test_what_the_process_meets_is_its_answer(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == (
        f"{tmp_path / 'none'} does not exist. Name the folder that `cifarcnn train` "
        "reported; `cifarcnn runs` lists those under ./runs."
    )


def test_a_process_that_is_killed_is_told_by_its_signal(trained_run: Path) -> None:
    def kill() -> bool:
        os.kill(wait_for_child(os.getpid()), signal.SIGKILL)
        return False

    assert refusal(trained_run, kill) == (
        "the process that makes it was ended (SIGKILL)."
    )


def test_told_to_stop_it_leaves_no_process_behind(trained_run: Path) -> None:
    seen: list[int] = []

    def stop() -> bool:
        seen.append(wait_for_child(os.getpid()))
        return len(seen) == 2

    assert refusal(trained_run, stop) == (
        "a signal came before it was made. The training is finished, and all its other "
        "files are there."
    )
    assert not is_running(seen[0])


def test_one_that_hangs_is_not_waited_for(
    trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Less than it takes to import TensorFlow.
    monkeypatch.setattr(own_process, "_LIMIT_SECONDS", 0.3)
    with pytest.raises(RunError) as caught:
        convert_in_own_process(trained_run, lambda: False)
    assert str(caught.value) == "the process that makes it took more than 0.3 s."
    assert not children(os.getpid())


def test_it_does_not_outlive_the_process_that_waits_for_it(trained_run: Path) -> None:
    arguments = [json.dumps(sys.path), str(trained_run), "/dev/null"]
    with subprocess.Popen([sys.executable, "-c", CONVERT, *arguments]) as parent:
        child = wait_for_child(parent.pid)
        parent.kill()
    while is_running(child):
        time.sleep(0.05)
