"""How hosts find one another and notice that one is gone: with sockets, without JAX."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cifarcnn.engine import hosts as module
from cifarcnn.engine.host_addresses import (
    COUNT_VARIABLES,
    INDEX_VARIABLES,
    Hosts,
    find_hosts,
)
from cifarcnn.engine.host_connection import Connection
from cifarcnn.engine.hosts import LostHost, Meeting
from cifarcnn.errors import DeviceError, UsageError

FACTS = {"config": "a", "data set": "b", "--smoke": "without"}
ENDED = "ended, or cannot be reached any more."


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*INDEX_VARIABLES, *COUNT_VARIABLES):
        monkeypatch.delenv(name, raising=False)


def test_the_hosts_of_a_command_line():
    assert find_hosts("a.b:7000,c", 1) == Hosts("a.b", 7000, 2, 1)
    assert find_hosts("10.0.0.1:7000, 10.0.0.2:80,x", 0) == Hosts(
        "10.0.0.1", 7000, 3, 0
    )


@pytest.mark.parametrize("name", INDEX_VARIABLES)
def test_which_host_it_is_a_launcher_says(name, monkeypatch):
    monkeypatch.setenv(name, "1")
    assert find_hosts("a:1,b", None).index == 1
    assert find_hosts("a:1,b", 0).index == 0


@pytest.mark.parametrize("name", COUNT_VARIABLES)
def test_how_many_hosts_there_are_a_launcher_says(name, monkeypatch):
    monkeypatch.setenv(name, "4")
    assert find_hosts("a:1", 3) == Hosts("a", 1, 4, 3)
    # Who names all of them knows it better.
    assert find_hosts("a:1,b", 1).count == 2


@pytest.mark.parametrize(
    "addresses",
    ["a,b", "a:0,b", "a:70000,b", ":1,b", "a:1,,b", "http://a:1,b", "[::1]:1,b"],
)
def test_addresses_that_are_none(addresses):
    with pytest.raises(UsageError) as caught:
        find_hosts(addresses, 0)
    assert str(caught.value) == (
        f"--hosts {addresses!r}: expected the addresses of all hosts, the first of "
        "them with a port that is free there, such as node1:7000,node2."
    )


def test_hosts_of_which_something_is_not_known():
    with pytest.raises(UsageError) as caught:
        find_hosts("a:1", 0)
    assert str(caught.value) == (
        "--hosts a:1: one host alone. Name all of them, or have a launcher say how "
        "many there are (SLURM_NTASKS, OMPI_COMM_WORLD_SIZE)."
    )
    with pytest.raises(UsageError) as caught:
        find_hosts("a:1,b", None)
    assert str(caught.value) == (
        "Which of the --hosts this is, is not known: give --host-index, from 0 for the "
        "first, or start it by a launcher (SLURM_PROCID, OMPI_COMM_WORLD_RANK, "
        "JOB_COMPLETION_INDEX)."
    )
    for index in (-1, 2):
        with pytest.raises(UsageError) as caught:
            find_hosts("a:1,b", index)
        assert str(caught.value) == (
            f"This is host {index}, but there are 2 hosts, counted from 0."
        )


class Attempt(threading.Thread):
    """A host that comes to a meeting, in a thread."""

    def __init__(self, port: int, count: int, index: int, facts: Any = FACTS) -> None:
        super().__init__(daemon=True)
        self.hosts = Hosts("127.0.0.1", port, count, index)
        self.facts = facts
        self.lost: list[LostHost] = []
        self.start()

    def run(self) -> None:
        try:
            self.found: Any = Meeting(self.hosts, self.facts)
        except DeviceError as error:
            self.found = str(error)

    def watched(self) -> Attempt:
        self.join()
        self.found.watch(self.lost.append)
        return self

    def end(self) -> None:
        """As the system does with a process, which says nothing any more."""
        self.found._parting = True
        for peer in self.found._peers.values():
            with contextlib.suppress(OSError):
                peer._socket.shutdown(socket.SHUT_RDWR)
        self.found.close()


@pytest.fixture
def port() -> int:
    return module._free_port()


@pytest.fixture
def meet(port: int) -> Iterator[Callable[..., list[Attempt]]]:
    made: list[Attempt] = []

    def meet(count: int) -> list[Attempt]:
        # The first comes last: the others look for it until it is there.
        made.extend(Attempt(port, count, index) for index in reversed(range(count)))
        return [attempt.watched() for attempt in reversed(made)]

    yield meet
    for attempt in made:
        attempt.found.say_bye()
        attempt.end()


def connect(port: int) -> socket.socket:
    """To a host that opens its port at any time now."""
    end = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=30)
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.01)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_the_loss_of_one_comes_to_all_others(meet):
    hosts = meet(3)
    ports = {host.found._service_port for host in hosts}
    assert len(ports) == 1
    hosts[1].end()
    lost = [LostHost(1, ENDED, 1)]
    wait_for(lambda: hosts[0].lost == hosts[2].lost == lost)


def test_the_loss_of_the_first_comes_to_all_others(meet):
    hosts = meet(3)
    hosts[0].end()
    lost = [LostHost(0, ENDED, 1)]
    wait_for(lambda: hosts[1].lost == hosts[2].lost == lost)


@pytest.mark.parametrize("index", [0, 2])
def test_why_a_host_ends_comes_to_all_others(meet, index):
    hosts = meet(3)
    ending = hosts.pop(index)
    ending.found.tell_end("ended: No space is left in shared.", 4)
    ending.end()
    lost = [LostHost(index, "ended: No space is left in shared.", 4)]
    wait_for(lambda: hosts[0].lost == hosts[1].lost == lost)
    assert ending.lost == []


@pytest.mark.parametrize("index", [0, 1])
def test_a_host_that_says_nothing_hangs(meet, index, monkeypatch):
    monkeypatch.setattr(module, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(module, "ALIVE_SECONDS", 0.1)
    # As a process that was stopped: the system keeps its connections.
    said_by = Meeting._say_alive
    monkeypatch.setattr(
        Meeting, "_say_alive", lambda self: self.hosts.index == index or said_by(self)
    )
    hosts = meet(2)
    lost = [LostHost(index, "has said nothing for 1.0 seconds: it hangs.", 1)]
    # It hears of itself what the other says of it, once it goes on.
    wait_for(lambda: hosts[0].lost == hosts[1].lost == lost)


def test_hosts_that_have_nothing_to_say_do_not_hang(meet, monkeypatch):
    monkeypatch.setattr(module, "SILENT_SECONDS", 5.0)
    monkeypatch.setattr(module, "ALIVE_SECONDS", 0.1)
    hosts = meet(2)
    time.sleep(7)
    assert hosts[0].lost == hosts[1].lost == []


def test_all_begin_when_the_last_one_is_ready(meet):
    hosts = meet(3)
    begun = []

    def begin(host: Attempt) -> None:
        host.found.begin_together()
        begun.append(host.hosts.index)

    threads = [threading.Thread(target=begin, args=(host,)) for host in hosts]
    for thread in threads[:2]:
        thread.start()
    time.sleep(0.2)
    assert begun == []
    threads[2].start()
    for thread in threads:
        thread.join(30)
    assert sorted(begun) == [0, 1, 2]
    # The connections are watched on.
    hosts[1].end()
    wait_for(lambda: hosts[0].lost == hosts[2].lost == [LostHost(1, ENDED, 1)])


def test_who_says_bye_is_not_lost(meet):
    hosts = meet(2)
    hosts[1].found.say_bye()
    hosts[1].end()
    time.sleep(0.2)
    assert hosts[0].lost == hosts[1].lost == []


def test_a_host_that_does_not_come(port, monkeypatch):
    monkeypatch.setattr(module, "MEETING_SECONDS", 1.0)
    first, second = Attempt(port, 3, 0), Attempt(port, 3, 1)
    # A program that only tries whether the port is open is none of them.
    for said in (b"", b"GET / HTTP/1.0\r\n\r\n", b"[]\n"):
        with connect(port) as stranger:
            stranger.sendall(said)
    first.join()
    assert first.found == (
        "Of 3 hosts these did not come within 1 seconds, or left again: 2 (counted "
        "from 0). Start the same command on each of them, with its --host-index; each "
        f"must reach 127.0.0.1 by the port {port}."
    )
    second.join()
    assert second.found.startswith(
        f"The first host did not begin within 1 seconds at 127.0.0.1, port {port} ("
    )
    assert second.found.endswith(
        "): it is not started, cannot be reached from here, or waits for another host."
    )


@pytest.mark.parametrize(
    ("count", "index", "facts", "problem"),
    [
        (3, 1, FACTS, "says that there are 3 hosts, and not 2"),
        (2, 1, {**FACTS, "config": "c"}, "has another config than the first"),
        (
            2,
            1,
            {"--smoke": "without"},
            "has another config and another data set than the first",
        ),
        (
            2,
            1,
            {**FACTS, "--smoke": "with"},
            "was started with --smoke, unlike the first",
        ),
        (
            2,
            1,
            {"config": "c", "data set": "b", "--smoke": "with"},
            "was started with --smoke, unlike the first, and has another config than "
            "the first",
        ),
    ],
)
def test_a_host_that_cannot_take_part(port, count, index, facts, problem):
    first, other = Attempt(port, 2, 0), Attempt(port, count, index, facts)
    first.join()
    other.join()
    assert first.found == other.found
    assert first.found == (
        f"Host {index} {problem}. Start the same command on all hosts, each with its "
        "own --host-index and the same files."
    )


def test_a_host_that_was_started_twice(port):
    hosts = [Attempt(port, 3, index) for index in (0, 1, 1)]
    for host in hosts:
        host.join()
        assert host.found.startswith("Host 1 was started twice, or as the first one.")


def test_a_host_that_left_may_come_again(port):
    first = Attempt(port, 3, 0)
    said = {"index": 1, "count": 3, "facts": FACTS}
    for _ in range(2):
        gone = Connection(connect(port))
        gone.send(said)
        gone.close()
    others = [Attempt(port, 3, index) for index in (2, 1)]
    for host in (first, *others):
        host.watched()
    assert sorted(first.found._peers) == [1, 2]
    for host in (first, *others):
        host.found.say_bye()
        host.end()


# A process of its own, which says what it came to.
PROCESS = """
import sys, threading
from cifarcnn.engine.host_addresses import Hosts
from cifarcnn.engine.host_connection import Connection
from cifarcnn.engine.hosts import Meeting

send = Connection.send
def send_and_say(self, what):
    send(self, what)
    print("said", *what, flush=True)
Connection.send = send_and_say
port, index, why = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
lost, ended = [], threading.Event()
meeting = Meeting(Hosts("127.0.0.1", port, 3, index), {"config": "a"})
meeting.watch(lambda host: (lost.append(host), ended.set()))
meeting.begin_together()
if why:
    meeting.tell_end(why, 4)
else:
    ended.wait(300)
    print(lost)
"""


def test_a_process_that_was_killed_comes_again_and_another_says_why_it_ends(port):
    def start(index: int, why: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROCESS, str(port), str(index), why]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    first, killed = start(0), start(1)
    try:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "said index count facts\n"
    finally:
        killed.kill()
        killed.communicate()
    second, third = start(1), start(2, "ended: No space is left in shared.")
    said = [host.communicate(timeout=300)[0] for host in (first, second, third)]
    lost = [LostHost(2, "ended: No space is left in shared.", 4)]
    assert all(str(lost) in text.splitlines() for text in said[:2])
    assert [host.returncode for host in (first, second, third)] == [0, 0, 0]


def test_a_port_that_is_taken(port):
    with socket.create_server(("", port)):
        first = Attempt(port, 2, 0)
        first.join()
    assert first.found == (
        f"The port {port} of --hosts cannot be opened on this host, the first: another "
        "program uses it. Name another port, on all hosts."
    )
