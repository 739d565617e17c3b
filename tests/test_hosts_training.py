"""Two processes that train together as two hosts would, over loopback.

Each test starts processes that take seconds to compile.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.runs import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed"),
]
MAIN = "from cifarcnn.cli.main import main; main()"
# One epoch has 50 steps.
CONFIG = """
name: tiny
data: {dataset: synthetic, validation_fraction: 0.5, augmentation: [RandomFlip]}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, strides: 4, activation: relu}
    - BatchNormalization
    - Flatten
    - Dropout: {rate: 0.2}
    - Dense: {units: 10, activation: softmax}
training: {epochs: 10000, batch_size: 100, optimizer: {SGD: {learning_rate: 0.01}}}
"""
LOST_WITHIN_SECONDS = 60


class Host:
    """A process that trains, or one of two."""

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        self.files = [folder / f"{name}.{kind}" for kind in ("out", "err")]
        out, err = (file.open("wb") for file in self.files)
        with out, err:
            self.process = subprocess.Popen(
                [sys.executable, "-c", MAIN, "train", "--backend", "jax", *arguments],
                cwd=folder,
                env=os.environ,
                stdout=out,
                stderr=err,
            )

    def wait(self, seconds: float = 900) -> tuple[int, str, str]:
        try:
            code = self.process.wait(seconds)
        finally:
            self.process.kill()
        out, err = (file.read_text() for file in self.files)
        return code, out, err


def start(folder: Path, name: str, *arguments: str) -> list[Host]:
    """Two hosts, the second of them first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    hosts = ["--hosts", f"127.0.0.1:{port},127.0.0.1"]
    made = [
        Host(folder, f"{name}{index}", *hosts, "--host-index", str(index), *arguments)
        for index in (1, 0)
    ]
    return made[::-1]


def wait_for_epoch(run: Path, epoch: int, hosts: list[Host]) -> None:
    """Until a checkpoint of the end of an epoch is there."""
    end = time.monotonic() + 900
    while not list(run.glob(f"checkpoint/epoch-{epoch:04}-*")):
        if time.monotonic() > end or any(host.process.poll() for host in hosts):
            for host in hosts:
                host.process.kill()
                host.process.wait()
            raise AssertionError([host.files[1].read_text() for host in hosts])
        time.sleep(0.05)


@pytest.fixture(scope="module")
def story(tmp_path_factory: Any, shared_cache: Path) -> dict[str, Any]:
    """A run that lost its second host, then its first, and was finished on one."""
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "c.yaml").write_text(CONFIG)
    run = folder / "shared"
    found: dict[str, Any] = {"run": run, "folder": folder}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIFARCNN_CACHE", str(shared_cache))
        # Each host has the pictures, and only the first one makes a folder.
        arguments = {
            "second": ["--config", "c.yaml", "--run", "shared"],
            "first": ["--resume", "shared"],
        }
        for epoch, (lost, given) in enumerate(arguments.items(), start=1):
            hosts = start(folder, lost, *given)
            wait_for_epoch(run, epoch, hosts)
            victim, survivor = hosts if lost == "first" else hosts[::-1]
            victim.process.kill()
            victim.process.wait()
            found[lost] = survivor.wait(LOST_WITHIN_SECONDS)
        hosts = start(folder, "stopped", "--resume", "shared")
        wait_for_epoch(run, 3, hosts)
        # Whichever is asked, all stop at the same step.
        hosts[1].process.send_signal(signal.SIGTERM)
        found["stopped"] = [host.wait() for host in hosts]
        done = len(Run(run).read_history())
        epochs = f"training.epochs={done + 1}"
        found["alone"] = Host(
            folder, "alone", "--resume", "shared", "--set", epochs
        ).wait()
        found["one"] = Host(
            folder,
            "one",
            *("--config", "c.yaml", "--run", "one", "--set", "training.epochs=1"),
        ).wait()
    return found


def test_a_lost_host_ends_the_others_with_a_sentence(story):
    code, out, err = story["second"]
    assert (code, out) == (1, "")
    assert (
        "error: Host 1 of --hosts ended, or cannot be reached any more. Go on from the "
        "last checkpoint, on these hosts or on fewer: cifarcnn train --resume shared "
        "[--hosts ...]"
    ) in err.splitlines()
    assert "\ndevice: 2 devices on 2 hosts, each cpu (" in err
    log = (story["run"] / "log.txt").read_text()
    assert "error: Host 1 of --hosts ended" in log


def test_the_loss_of_the_first_host_ends_the_others_likewise(story):
    code, out, err = story["first"]
    assert (code, out) == (1, "")
    sentence = "error: The first host ended, or cannot be reached any more."
    assert sentence in err.splitlines()
    assert "resumed: " in err


def test_a_signal_to_one_host_stops_all_of_them(story):
    (code, out, err), (code_1, out_1, err_1) = story["stopped"]
    assert (code, code_1, out, out_1) == (143, 143, "", "")
    assert "Go on with: cifarcnn train --resume shared" in err
    place, _, rest = err_1.splitlines()[-1].partition(". ")
    assert f"{place}. Kept in shared: " in err
    assert rest == "The first host has kept what was trained."


def test_one_host_goes_on_and_comes_to_what_one_device_does(story):
    assert story["alone"][:2] == (0, "shared\n")
    assert "device.hosts was 2, is 1 now" in story["alone"][2]
    assert story["one"][:2] == (0, "one\n")
    many, one = (
        Run(story["folder"] / name).read_history() for name in ("shared", "one")
    )
    assert len(many) > 3
    # The mean of the first 50 steps, and what the network has learnt by them.
    for name in ("loss", "val_loss"):
        assert float(many[0][name]) == pytest.approx(float(one[0][name]), abs=1e-5)


def test_only_the_first_host_writes(story):
    folders = [path.name for path in story["folder"].iterdir() if path.is_dir()]
    assert sorted(folders) == ["one", "shared"]
    first = json.loads((story["run"] / "environment.json").read_text())
    devices = [part["device"] for part in (first, *first["resumed"])]
    assert [(each["count"], each["hosts"]) for each in devices] == [(2, 2)] * 3 + [
        (1, 1)
    ]
