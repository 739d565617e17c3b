"""A library that is tried in a process of its own, with a limit of time.

The process writes a line of JSON for each stage that it enters, and one for its answer;
where it ends without an answer, the last stage says in the middle of what.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cifarcnn.doctor.probe import describe_exception

_PACKAGE = Path(__file__).parent.parent
# It ends itself where whoever started it was killed. The folder is appended, so that it
# counts only where the package is not installed.
_SCRIPT = """
import runpy, signal, sys
getattr(signal, "alarm", int)(int(sys.argv.pop(1)))
sys.path.append(sys.argv.pop(1))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
# After these a process is killed, with all that it started.
LIMIT_SECONDS = 90
_SECONDS_TO_SPARE = 5
_STDERR_END = 4000  # characters


@dataclass(frozen=True)
class ProbeResult:
    """What a process found out, and how it ended.

    Attributes:
        answer: What it found out; ``None`` where it did not come to that.
        error: The exception that ended it, from :func:`describe_exception`.
        stage: What it was doing last; empty where it did not get to its first.
        exit_code: Negative for a signal; ``None``: its time was up.
        stderr: The end of what it wrote to standard error.
    """

    answer: Any = None
    error: Mapping[str, str] | None = None
    stage: str = ""
    exit_code: int | None = None
    stderr: str = ""


def run_probe(
    module: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
) -> ProbeResult:
    """Run a module of this folder in a process of its own, and end it in any case.

    Args:
        module: Its name.
        arguments: Of the module.
        environment: Variables in place of those that this process has.
    """
    command = [
        *(sys.executable, "-P", "-W", "ignore", "-c", _SCRIPT),
        str(LIMIT_SECONDS + _SECONDS_TO_SPARE),
        *(str(_PACKAGE.parent), f"cifarcnn.doctor.{module}", *arguments),
    ]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        return ProbeResult(error=describe_exception(error))
    code: int | None = None
    try:
        out, errors = process.communicate(timeout=LIMIT_SECONDS)
        code = process.returncode
    except subprocess.TimeoutExpired:
        _kill(process)
        out, errors = _collect(process)
    finally:
        # Also when a signal ends this one.
        _kill(process)
        process.wait()
    return _read(out, code, errors.decode(errors="replace")[-_STDERR_END:])


def _collect(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What a process wrote that was killed."""
    try:
        return process.communicate(timeout=_SECONDS_TO_SPARE)
    except subprocess.TimeoutExpired as late:
        # It started another one that left its group, and that holds the pipes open.
        for pipe in filter(None, (process.stdout, process.stderr)):
            pipe.close()
        return late.stdout or b"", late.stderr or b""


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:  # Windows
            process.kill()


def _read(out: bytes, code: int | None, errors: str) -> ProbeResult:
    said: dict[str, Any] = {}
    for line in out.splitlines():
        # What a package prints while Python starts comes before.
        with contextlib.suppress(ValueError):
            part = json.loads(line)
            if isinstance(part, dict):
                said |= part
    return ProbeResult(
        said.get("answer"), said.get("error"), said.get("stage", ""), code, errors
    )
