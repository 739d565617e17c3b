"""Processes that end before they should: they are heard of, and their pipes close."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.search.workers import Worker, Workers
from tests.search.conftest import GIVEN, begin, write_tiny


def start(folder: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Workers:
    monkeypatch.chdir(folder)
    write_tiny(folder)
    task = {"storage": None, "given": {**GIVEN, **given}}
    return Workers(begin(path=Path("mine")), task, 1)


def take_ended(workers: Workers) -> Worker:
    while not (ended := workers.take_ended()):
        pass
    return ended[0]


def has_closed_pipes(worker: Worker) -> bool:
    pipes = (worker.process.stdin, worker.process.stdout)
    return all(pipe is not None and pipe.closed for pipe in pipes)


def test_one_that_is_killed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with start(tmp_path, monkeypatch) as workers:
        os.kill(workers.start().process.pid, signal.SIGKILL)
        worker = take_ended(workers)
        assert worker.describe_end() == "its process was ended (SIGKILL)"
        assert worker.was_killed and has_closed_pipes(worker)


def test_one_that_ends_before_it_hears_of_its_task_is_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # More than a pipe holds, so that the end comes while it is written.
    with start(tmp_path, monkeypatch, filling="x" * 2**20) as workers:
        # Where Python finds nothing of its own.
        monkeypatch.setenv("PYTHONHOME", str(tmp_path / "nothing"))
        workers.start()
        worker = take_ended(workers)
        why = worker.describe_end()
        assert why is not None and why.startswith("its process was ended (exit code 1)")
        assert worker.was_killed and has_closed_pipes(worker)


def test_those_that_are_stopped_close_their_pipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with start(tmp_path, monkeypatch) as workers:
        worker = workers.start()
    assert worker.process.returncode is not None and has_closed_pipes(worker)
