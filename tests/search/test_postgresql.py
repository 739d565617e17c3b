"""Two machines, as two folders, work on one study in a real PostgreSQL server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dark_and_light import draw_dark_and_light
from tests.search.conftest import RATE, TINY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or not all(map(shutil.which, ("postgres", "initdb"))),
        reason="needs a PostgreSQL server, such as Debian's package postgresql",
    ),
]
TRIALS = 2


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server on loopback that starts and ends with the test."""
    pytest.importorskip("psycopg")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
        if os.getuid() == 0:
            # A server refuses to run as root.
            shutil.chown(folder, "nobody")
            options["user"] = "nobody"
        data = f"{folder}/data"
        subprocess.run(
            ["initdb", "-D", data, "-U", "me", "-A", "trust", "--no-sync"],
            check=True,
            **options,
        )
        command = ["postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port)]
        with subprocess.Popen(
            [*command, "-k", "", "-c", "fsync=off"],
            stderr=subprocess.DEVNULL,
            **options,
        ) as process:
            try:
                wait_for(port)
                yield f"postgresql://me@127.0.0.1:{port}/postgres"
            finally:
                process.send_signal(signal.SIGQUIT)


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def start(machine: Path, storage: str) -> subprocess.Popen[str]:
    """The same command as on every machine, in a folder of its own."""
    command = [
        *(sys.executable, "-m", "cifarcnn", "search", "-c", "tiny.yaml", "--json"),
        *("--vary", RATE, "--pruner", "none", "--trials", str(TRIALS)),
        *("--storage", storage, "--device", "cpu"),
    ]
    return subprocess.Popen(
        command, cwd=machine, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def kill_all(process: subprocess.Popen[str]) -> None:
    """As when the machine loses its power: the command and its worker are gone."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for pid in [*map(int, children.read_text().split()), process.pid]:
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def test_two_machines_share_a_study_and_one_of_them_is_lost(
    tmp_path: Path, server: str
):
    draw_dark_and_light(tmp_path / "pictures", splits=("train", "test"))
    lost, other = tmp_path / "lost", tmp_path / "other"
    for machine in (lost, other):
        machine.mkdir()
        # Where both have the pictures, by a path that is the same.
        text = TINY.replace("path: pictures", f"path: {tmp_path / 'pictures'}")
        text = text.replace("epochs: 2", "epochs: 40")
        (machine / "tiny.yaml").write_text(text)
    first = start(lost, server)
    while not list(lost.glob("runs/*/trials/*/checkpoint/*.safetensors")):
        assert first.poll() is None
        time.sleep(0.1)
    kill_all(first)
    # Nor is its disk there.
    lost.rename(tmp_path / "gone")

    second = start(other, server)
    out = second.communicate()[0]
    assert second.returncode == 0
    document = json.loads(out)
    assert document["states"] == {"finished": TRIALS}
    (cut,) = [each for each in document["trials"] if len(each["attempts"]) == 2]
    (note,) = cut["notes"]
    assert note == (
        f"begun anew: its run is in {lost / 'runs/tiny-search-1'}, out of reach of "
        "this machine"
    )
    runs = {Path(each["run"]).parent for each in document["trials"]}
    assert runs == {Path("runs/tiny-search-1/trials")}
    kept = sorted(path.name for path in (other / "runs/tiny-search-1/trials").iterdir())
    assert kept == sorted(f"{each['trial']:04d}" for each in document["trials"])
    assert "me@" not in (other / "runs/tiny-search-1/base.yaml").read_text()


OPEN = """
import optuna, sys
from cifarcnn.search.storage import open_storage
print("ready", flush=True)
sys.stdin.readline()
storage = open_storage(sys.argv[1])
optuna.create_study(storage=storage, study_name="one", load_if_exists=True)
print("open")
"""


def test_machines_that_begin_at_once_all_find_the_tables(server: str):
    import psycopg

    from cifarcnn.search.packages import with_driver

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
    url = with_driver(server).replace("/postgres", "/empty")
    command = [sys.executable, "-W", "ignore", "-c", OPEN, url]
    machines = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for machine in machines:
        assert machine.stdout is not None
        assert machine.stdout.readline() == "ready\n"
    for machine in machines:
        assert machine.stdin is not None
        machine.stdin.write("\n")
        machine.stdin.flush()
    assert [machine.communicate()[0] for machine in machines] == ["open\n"] * 3
