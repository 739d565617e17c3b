from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarcnn.doctor import child
from cifarcnn.doctor.child import ProbeResult, run_probe

Stub = Callable[[str, str], Path]
LIMIT = 60.0


def probe(module: str) -> ProbeResult:
    return run_probe("probe_import", module)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody has waited for yet is as dead.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def wait_for(done: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_answer_comes_through_whatever_the_library_prints(stub: Stub) -> None:
    stub("chatty", "import os\nprint('{\"answer\": 1}')\nos.write(1, b'hello\\n')")
    result = probe("chatty")
    assert (result.answer, result.exit_code) == (True, 0)
    assert "hello" in result.stderr


def test_what_is_printed_while_python_starts_is_no_answer(stub: Stub) -> None:
    folder = stub("good", "")
    (folder / "sitecustomize.py").write_text("print('[1]'); print('5'); print('{')")
    assert probe("good").answer is True


def test_an_exception_is_told_with_the_package_that_it_comes_from(stub: Stub) -> None:
    stub("outer", "import inner")
    stub("inner", "raise RuntimeError('\\n  built for another Python\\nmore')")
    assert probe("outer").error == {
        "type": "RuntimeError",
        "message": "built for another Python",
        "package": "inner",
        "missing": "",
    }
    assert probe("no_such_module").error == {
        "type": "ModuleNotFoundError",
        "message": "No module named 'no_such_module'",
        "package": "cifarcnn",
        "missing": "no_such_module",
    }


def test_a_crash_an_exit_and_their_stage_are_told(stub: Stub) -> None:
    stub("crash", "import os, signal\nos.kill(os.getpid(), signal.SIGILL)")
    stub("leave", "import os\nos.write(2, b'no licence\\n')\nos._exit(7)")
    crashed, left = probe("crash"), probe("leave")
    assert (crashed.exit_code, crashed.stage) == (-signal.SIGILL, "import")
    assert (left.exit_code, left.stderr) == (7, "no licence\n")
    assert crashed.answer is left.answer is None


def test_where_python_itself_does_not_start_there_is_no_stage(stub: Stub) -> None:
    folder = stub("good", "")
    (folder / "sitecustomize.py").write_text("import os; os._exit(3)")
    result = probe("good")
    assert (result.stage, result.exit_code) == ("", 3)


@pytest.mark.slow
def test_a_hanging_process_ends_with_all_that_it_started(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "LIMIT_SECONDS", 4)
    monkeypatch.setattr(child, "_SECONDS_TO_SPARE", 1)
    stub(
        "hang",
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(300)",
    )
    result = probe("hang")
    assert (result.exit_code, result.stage) == (None, "import")
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: not alive(pid))


@pytest.mark.slow
def test_what_it_leaves_behind_is_not_waited_for(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "LIMIT_SECONDS", 4)
    monkeypatch.setattr(child, "_SECONDS_TO_SPARE", 1)
    stub(
        "server",
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n",
    )
    try:
        result = probe("server")
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert result.answer is True


def start_a_hanging_probe(
    folder: Path, limit_seconds: int
) -> tuple[subprocess.Popen[bytes], int]:
    """A process that waits for a probe, and the number of the probe."""
    folder.mkdir()
    (folder / "hang.py").write_text(
        "import os, time\n"
        f"open({str(folder / 'part')!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({str(folder / 'part')!r}, {str(folder / 'pid')!r})\n"
        "time.sleep(300)"
    )
    code = (
        "from cifarcnn.doctor import child\n"
        f"child.LIMIT_SECONDS = {limit_seconds}\n"
        "child._SECONDS_TO_SPARE = 1\n"
        "child.run_probe('probe_import', 'hang')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(folder)},
        stderr=subprocess.DEVNULL,
    )
    wait_for((folder / "pid").exists)
    return process, int((folder / "pid").read_text())


def test_an_interruption_ends_the_process_as_well(tmp_path: Path) -> None:
    process, pid = start_a_hanging_probe(tmp_path / "a", 300)
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) != 0
    wait_for(lambda: not alive(pid))


@pytest.mark.slow
def test_without_the_one_who_waits_it_ends_when_its_time_is_up(tmp_path: Path) -> None:
    process, pid = start_a_hanging_probe(tmp_path / "a", 3)
    process.kill()
    process.wait()
    wait_for(lambda: not alive(pid))


def test_no_module_is_taken_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path)
    assert probe("json").answer is True


def test_warnings_are_no_errors(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    stub("old", "import warnings\nwarnings.warn('old', DeprecationWarning)")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert probe("old").answer is True


def test_where_no_process_can_be_started_that_is_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    result = probe("json")
    assert result.stage == "" and result.error is not None
    assert result.error["type"] == "FileNotFoundError"
