"""Many files: some in this process, the rest by others."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest

from cifarcnn.data.decoding import decode
from cifarcnn.data.decoding.file_reading import decode_file

SCRIPT = """
import os
from cifarcnn.data.decoding import decode, processes
from cifarcnn.data.image.target_size import TargetSize
print("the script")
decode._START_SECONDS = 0.001
decode.usable_cores = lambda: 2
started = []
class Counted(processes.WorkerPool):
    def decode(self, count):
        started.append(count)
        return super().decode(count)
decode.WorkerPool = Counted
paths = {paths!r}
files = dict(decode.decode_files(paths, TargetSize(8, 8, "crop")))
print(started, sorted(files) == list(range(len(paths))))
"""


def test_a_few_are_decoded_here(write_images, target, monkeypatch):
    monkeypatch.setattr(decode, "WorkerPool", None)
    paths = write_images(5)
    found = list(decode.decode_files(paths, target))
    assert [number for number, _ in found] == [0, 1, 2, 3, 4]
    assert all(
        (f.pixels == decode_file(paths[n], target).pixels).all() for n, f in found
    )


def test_a_script_is_not_run_again_by_the_processes(write_images, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(paths=write_images(200)))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.stdout == "the script\n[2] True\n", done.stderr
    assert done.stderr == ""


def test_modules_in_the_working_folder_are_not_taken_for_others(write_images, tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('taken for another')")
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken for another')")
    script = SCRIPT.format(paths=write_images(200))
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout == "the script\n[2] True\n", done.stderr


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/true"])
def test_where_no_process_comes_up_all_are_decoded_here(
    write_images, target, monkeypatch, python
):
    paths = write_images(200)
    monkeypatch.setattr(decode, "_START_SECONDS", 0.001)
    monkeypatch.setattr(decode, "usable_cores", lambda: 2)
    monkeypatch.setattr(sys, "executable", python)
    assert len(dict(decode.decode_files(paths, target))) == 200


def test_one_who_leaves_early_leaves_no_process(write_images, target, monkeypatch):
    paths = write_images(200)
    monkeypatch.setattr(decode, "_START_SECONDS", 0.001)
    monkeypatch.setattr(decode, "usable_cores", lambda: 2)
    pools = []

    class Kept(decode.WorkerPool):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            pools.append(self)

    monkeypatch.setattr(decode, "WorkerPool", Kept)
    with closing(decode.decode_files(paths, target)) as files:
        for number, _ in files:
            if pools and number >= 100:
                break
    (pool,) = pools
    codes = [worker._process.poll() for worker in pool._running]
    assert len(codes) == 2 and None not in codes
