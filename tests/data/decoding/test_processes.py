"""Files decoded by real processes, some of which are killed or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cifarcnn.data.decoding import processes
from cifarcnn.data.decoding.file_reading import decode_file
from cifarcnn.data.decoding.processes import WorkerPool
from cifarcnn.errors import DataError


def in_batches(count: int, size: int) -> list[tuple[int, ...]]:
    return [
        tuple(range(count))[start : start + size] for start in range(0, count, size)
    ]


def pids(pool: WorkerPool) -> list[int]:
    return [worker._process.pid for worker in pool._running]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def assert_same(found, paths, target) -> None:
    assert sorted(found) == list(range(len(paths)))
    for number, file in found.items():
        expected = decode_file(paths[number], target)
        assert (file.pixels == expected.pixels).all()
        assert (file.digest, file.reading) == (expected.digest, expected.reading)


def test_every_file_comes_as_in_this_process(write_images, target, tmp_path):
    paths = [*write_images(50), str(tmp_path / "missing.png")]
    Path(paths[3]).write_bytes(b"nothing")
    with WorkerPool(paths, target, in_batches(51, 4)) as pool:
        found = dict(pool.decode(2))
        started = pids(pool)
    assert_same(found, paths, target)
    assert found[50].reading.failure == "there is no such file."
    assert len(started) == 2 and not any(map(is_alive, started))


def test_what_a_killed_process_had_is_decoded_by_another(write_images, target):
    paths = write_images(60)
    with WorkerPool(paths, target, in_batches(60, 3)) as pool:
        found = {}
        for number, file in pool.decode(1):
            found[number] = file
            if len(found) in (3, 12):
                os.kill(pids(pool)[0], signal.SIGKILL)
    assert_same(found, paths, target)


@pytest.mark.slow
def test_a_process_that_hangs_is_replaced(write_images, target, monkeypatch):
    paths = write_images(60)
    monkeypatch.setattr(processes, "LIMIT_SECONDS", 4)
    with WorkerPool(paths, target, in_batches(60, 3)) as pool:
        found = {}
        for number, file in pool.decode(1):
            found[number] = file
            if len(found) == 3:
                os.kill(pids(pool)[0], signal.SIGSTOP)
    assert_same(found, paths, target)


@pytest.mark.slow
def test_a_file_over_which_two_processes_end_cannot_be_read(write_slow_images, target):
    paths = write_slow_images(1)
    with WorkerPool(paths, target, [(0,)]) as pool:
        decoding = pool.decode(1)
        killed = set()

        def kill_each() -> None:
            end = time.monotonic() + 60
            while len(killed) < 2 and time.monotonic() < end:
                for worker in list(pool._running):
                    asked = worker.ready and worker._asked_at is not None
                    if asked and worker._process.pid not in killed:
                        killed.add(worker._process.pid)
                        os.kill(worker._process.pid, signal.SIGKILL)
                time.sleep(0.001)

        threading.Thread(target=kill_each).start()
        ((number, file),) = decoding
    assert number == 0
    assert file.reading.failure == (
        "two processes ended while they decoded it (SIGKILL)."
    )
    assert not file.pixels.any()


def test_processes_that_end_one_after_the_other_are_given_up(
    write_images, target, monkeypatch
):
    paths = write_images(40)
    monkeypatch.setattr(processes, "_MOST_ENDS", 1)
    with (
        WorkerPool(paths, target, in_batches(40, 1)) as pool,
        pytest.raises(DataError) as caught,
    ):
        for _ in pool.decode(1):
            os.kill(pids(pool)[0], signal.SIGKILL)
    assert str(caught.value).startswith(
        "1 processes that decode pictures ended one after the other (SIGKILL), the "
        f"last over {paths[0].removesuffix('0000.png')}"
    )


def test_processes_end_with_the_one_that_asks(write_slow_images, target, tmp_path):
    paths = write_slow_images(4)
    script = f"""
import os, signal
from cifarcnn.data.decoding.processes import WorkerPool
from cifarcnn.data.image.target_size import TargetSize
pool = WorkerPool({paths!r}, TargetSize(8, 8, "crop"), [(n,) for n in range(4)])
next(pool.decode(2))
print(*[worker._process.pid for worker in pool._running], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    started = [int(pid) for pid in done.stdout.split()]
    end = time.monotonic() + 30
    while any(map(is_alive, started)) and time.monotonic() < end:
        time.sleep(0.05)
    assert len(started) == 2 and not any(map(is_alive, started))
