"""The processes that train the trials of a machine, each on its share of the cores."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cifarcnn.cpu import usable_cores
from cifarcnn.errors import RunError
from cifarcnn.python_process import describe_end, python_command
from cifarcnn.search.folder import WORKERS, StudyFolder

_TAIL_BYTES = 400
# Exit codes after which a log ends with why: of Python, and of a library that aborts.
_LAST_WORDS = (1, -6)


@dataclass
class Worker:
    """One process.

    Attributes:
        name: What trials call it.
        place: Which share of the cores it has.
        process: The process itself.
        log: What libraries say outside of a training.
    """

    name: str
    place: int
    process: subprocess.Popen[str]
    log: Path

    def describe_end(self) -> str | None:
        """Why it ended, where it should not have; ``None`` where all was well."""
        # This also closes the pipes.
        lines = self.process.communicate()[0].splitlines()
        code = self.process.returncode
        try:
            error = json.loads(lines[-1])["error"] if lines else None
        except ValueError:
            error = None
        if error is not None or (code == 0 and lines):
            return None if error is None else str(error)
        said = self.log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
        # Of a process that others killed the last line is about something else.
        last = said.strip().splitlines()[-1:] if code in _LAST_WORDS else []
        return f"its process was ended ({describe_end(code)}){': '.join(['', *last])}"

    @property
    def was_killed(self) -> bool:
        """Whether it ended without a word."""
        return self.process.returncode != 0


@dataclass
class Workers:
    """Those of one search; all of them end with the ``with``.

    Attributes:
        folder: Of the study.
        task: What each is told: the database and further arguments of ``api.train``.
        jobs: How many there may be at once.
        running: Those that are there.
    """

    folder: StudyFolder
    task: Mapping[str, Any]
    jobs: int
    running: list[Worker] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> Worker:
        """Start one.

        Raises:
            RunError: The system starts no more processes.
        """
        taken = {worker.place for worker in self.running}
        place = next(place for place in range(self.jobs) if place not in taken)
        name = secrets.token_hex(4)
        log = self.folder.path / WORKERS / f"{name}.txt"
        task = {
            **self.task,
            "folder": str(self.folder.path.absolute()),
            "name": name,
            "cores": share_cores(place, self.jobs),
        }
        try:
            with log.open("wb") as file:
                process = subprocess.Popen(
                    python_command("cifarcnn.search.worker"),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=file,
                    text=True,
                    # Ctrl-C in a terminal is for this process, which stops the others.
                    start_new_session=True,
                )
        except OSError as error:
            raise RunError(
                f"No process for a trial could be started: {error.strerror}."
            ) from error
        worker = Worker(name, place, process, log)
        self.running.append(worker)
        # One that ended meanwhile is heard of as any other.
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.write(json.dumps(task) + "\n")
                process.stdin.flush()
        return worker

    def take_ended(self) -> list[Worker]:
        """Those that ended since the last time."""
        ended = [each for each in self.running if each.process.poll() is not None]
        self.running = [each for each in self.running if each not in ended]
        return ended

    def stop(self) -> None:
        """Have each save what it trains, and wait for their ends."""
        for worker in self.running:
            worker.process.terminate()
        for worker in self.running:
            worker.process.communicate()
        self.running.clear()


def share_cores(place: int, jobs: int) -> list[int]:
    """The cores of one of several processes; empty where the system tells of none."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    if jobs > usable_cores():
        return [cores[place % len(cores)]]
    return cores[place::jobs]
