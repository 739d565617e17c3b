"""Real processes: killed, two at once, on a full disk."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import resource, sys
from pathlib import Path
from cifarcnn.data.cifar.facts import Archive
from cifarcnn.data.fetching.fetch import fetch_archive
from cifarcnn.data.fetching.sources import FetchObserver
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import ArchiveSource
from cifarcnn.errors import DataError

url, name, size, sha256, folder, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))

class Story(FetchObserver):
    def noted(self, sentence):
        print(sentence, flush=True)

try:
    source = ArchiveSource(url, Archive(name, int(size), sha256))
    policy = RetryPolicy(first_pause=0.01, silence_seconds=60, lock_seconds=0.01)
    _, url = fetch_archive([source], Path(folder), policy=policy, observer=Story())
    print("fetched" if url else "there", flush=True)
except DataError as error:
    print(error, flush=True)
    sys.exit(1)
"""


@pytest.fixture
def start(tmp_path: Path):
    """Starts a process that fetches from a server."""
    script = tmp_path / "fetch.py"
    script.write_text(SCRIPT)
    started = []

    def start(server, folder: Path, limit: int = 0) -> subprocess.Popen[str]:
        archive = server.source.archive
        facts = [archive.name, str(archive.size), archive.sha256]
        process = subprocess.Popen(
            [sys.executable, script, server.url, *facts, folder, str(limit)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_for(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def size_of_part(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.part"))


def test_a_killed_fetch_is_gone_on_with(make_server, answer, start, tmp_path, body):
    folder = tmp_path / "store"
    server = make_server(answer(hold_after=20_000))
    process = start(server, folder)
    wait_for(lambda: size_of_part(folder) == 20_000)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / server.source.archive.name).exists()
    server.answers = [answer()]
    output, _ = start(server, folder).communicate(timeout=30)
    assert output == "fetched\n"
    assert server.requests[-1]["Range"] == "bytes=20000-"
    assert (folder / server.source.archive.name).read_bytes() == body
    assert size_of_part(folder) == 0


def test_two_processes_take_turns(make_server, answer, start, tmp_path, body):
    folder = tmp_path / "store"
    server = make_server(answer(hold_after=20_000))
    first = start(server, folder)
    wait_for(lambda: size_of_part(folder) == 20_000)
    second = start(server, folder)
    assert second.stdout.readline() == (
        f"another process is fetching into {folder}; waiting\n"
    )
    server.gate.set()
    outputs = [one.communicate(timeout=30)[0] for one in (first, second)]
    assert outputs == ["fetched\n", "there\n"]
    assert len(server.requests) == 1
    assert (folder / server.source.archive.name).read_bytes() == body


def test_when_the_first_is_killed_the_second_goes_on(
    make_server, answer, start, tmp_path, body
):
    folder = tmp_path / "store"
    server = make_server(answer(hold_after=20_000), answer())
    first = start(server, folder)
    wait_for(lambda: size_of_part(folder) == 20_000)
    second = start(server, folder)
    assert second.stdout.readline() == (
        f"another process is fetching into {folder}; waiting\n"
    )
    first.kill()
    assert second.communicate(timeout=30)[0] == "fetched\n"
    assert server.requests[-1]["Range"] == "bytes=20000-"
    assert (folder / server.source.archive.name).read_bytes() == body


def test_killed_again_and_again(make_server, answer, start, tmp_path, body):
    """At any moment; ``CIFARCNN_FETCH_KILLS`` says how often."""
    folder = tmp_path / "store"
    server = make_server(answer(rate=8_000))
    draws = random.Random(3)
    for _ in range(int(os.environ.get("CIFARCNN_FETCH_KILLS", "4"))):
        before = size_of_part(folder)
        process = start(server, folder)
        time.sleep(draws.uniform(0.1, 0.9))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert size_of_part(folder) >= before
        if before > 60_000:  # all over again, and not to its end
            shutil.rmtree(folder)
        assert not (folder / server.source.archive.name).exists()
    server.answers = [answer()]
    assert start(server, folder).communicate(timeout=30)[0] == "fetched\n"
    assert (folder / server.source.archive.name).read_bytes() == body


SIZE = 80_002
ADVICE = (
    "Make room and fetch again, which goes on where it stopped; or choose another "
    "folder with --to DIR or the environment variable CIFARCNN_CACHE.\n"
)


def test_a_file_that_may_not_grow(make_server, answer, start, tmp_path, body):
    folder = tmp_path / "store"
    server = make_server(answer(rate=400_000))
    output, _ = start(server, folder, limit=50_000).communicate(timeout=30)
    start_, end = output.split("bytes are needed, ")
    assert start_ == f"{folder} has no room for cifar-10-binary.tar.gz: 30,002 more "
    assert end.endswith(f"are free (the system says: File too large). {ADVICE}")
    assert size_of_part(folder) == 50_000
    # With room again it goes on.
    output, _ = start(server, folder).communicate(timeout=30)
    assert output == "fetched\n"
    assert server.requests[-1]["Range"] == "bytes=50000-"


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 1.2 MB, where such a one can be had."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    size = ["-o", "size=1200128"]
    mounted = subprocess.run(["mount", "-t", "tmpfs", *size, "none", folder])
    if mounted.returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_too_small_a_disk_is_noticed_before_a_byte_comes(
    make_server, start, small_disk
):
    server = make_server()
    (small_disk / "other").write_bytes(bytes(200_000))
    output, _ = start(server, small_disk).communicate(timeout=30)
    free = shutil.disk_usage(small_disk).free
    assert output == (
        f"{small_disk} has no room for cifar-10-binary.tar.gz: 80,002 more bytes are "
        f"needed, {free:,} are free. {ADVICE}"
    )
    assert server.requests == []


def test_a_disk_that_fills_up_meanwhile(make_server, answer, start, small_disk, body):
    server = make_server(answer(hold_after=20_000), answer())
    # Room enough at first; it is taken while the server is silent.
    other = small_disk / "other"
    process = start(server, small_disk)
    wait_for(lambda: size_of_part(small_disk) == 20_000)
    with pytest.raises(OSError), open(other, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    server.gate.set()
    output, _ = process.communicate(timeout=30)
    # The last block that there was room for is filled.
    missing = SIZE - size_of_part(small_disk)
    assert 59_000 < missing <= 60_002
    assert f"no room for cifar-10-binary.tar.gz: {missing:,} more bytes" in output
    other.unlink()
    output, _ = start(server, small_disk).communicate(timeout=30)
    assert output == "fetched\n"
    assert (small_disk / server.source.archive.name).read_bytes() == body
