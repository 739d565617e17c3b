"""Three processes that train together as three hosts would, over loopback.

The test starts processes that take seconds to compile.
"""

from __future__ import annotations

import signal
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.test_hosts_training import (
    CONFIG,
    LOST_WITHIN_SECONDS,
    Host,
    wait_for_epoch,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed"),
]


def wait_for_text(host: Host, text: str) -> None:
    end = time.monotonic() + 600
    while text not in host.files[1].read_text():
        assert time.monotonic() < end and host.process.poll() is None
        time.sleep(0.05)


@pytest.fixture(scope="module")
def story(tmp_path_factory: Any, shared_cache: Path) -> dict[str, Any]:
    """Hosts of which one comes again and is lost, and two go on."""
    folder = tmp_path_factory.mktemp("hosts")
    # What three hosts and two divide.
    config = CONFIG.replace("batch_size: 100", "batch_size: 96")
    (folder / "c.yaml").write_text(config)
    run = folder / "shared"
    found: dict[str, Any] = {}

    def start(name: str, count: int, index: int, *arguments: str) -> Host:
        addresses = ",".join([f"127.0.0.1:{port}", *["127.0.0.1"] * (count - 1)])
        where = ("--hosts", addresses, "--host-index", str(index))
        return Host(folder, f"{name}{index}", *where, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        new = ("--config", "c.yaml", "--run", "shared")
        first, second = start("three", 3, 0, *new), start("gone", 3, 1, *new)
        wait_for_text(first, "waiting for the others")
        wait_for_text(second, "waiting for the others")
        # Until it has been let in.
        time.sleep(3)
        second.process.kill()
        second.process.wait()
        second, third = (start("three", 3, index, *new) for index in (1, 2))
        wait_for_epoch(run, 1, [first, second, third])
        second.process.kill()
        second.process.wait()
        found["lost"] = [host.wait(LOST_WITHIN_SECONDS) for host in (first, third)]
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        hosts = [start("two", 2, index, "--resume", "shared") for index in (0, 1)]
        wait_for_epoch(run, 3, hosts)
        hosts[1].process.send_signal(signal.SIGTERM)
        found["two"] = [host.wait() for host in hosts]
    return found


def test_a_host_comes_again_while_others_are_waited_for(story):
    assert "\ndevice: 3 devices on 3 hosts, each cpu (" in story["lost"][0][2]


def test_two_hosts_go_on_without_the_one_between_them(story):
    (code, out, err), (code_2, out_2, err_2) = story["lost"]
    assert (code, out, code_2, out_2) == (1, "", 1, "")
    sentence = "error: Host 1 of --hosts ended, or cannot be reached any more."
    way_on = (
        " Go on from the last checkpoint, on these hosts or on fewer: cifarcnn train "
        "--resume shared [--hosts ...]"
    )
    assert f"{sentence}{way_on}" in err.splitlines()
    assert sentence in err_2.splitlines()
    assert "device.hosts was 3, is 2 now" in story["two"][0][2]
    assert [code for code, _, _ in story["two"]] == [143, 143]
