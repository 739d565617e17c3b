"""Several hosts that train together: how they meet, and how the loss of one is noticed.

JAX has a service of its own for both, but ends the process where a host does not come
or goes, without a word. So the hosts meet here first, and keep a connection between the
first one and each other: the system closes it with a process, however that ends.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cifarcnn.engine.host_addresses import Hosts
from cifarcnn.engine.host_connection import (
    ALIVE_SECONDS,
    Connection,
    SilentError,
    describe_failure,
    open_port,
)
from cifarcnn.errors import DeviceError, RunError

# How long a host is waited for; they are started one after the other.
MEETING_SECONDS = 300.0
# A host that says nothing for so long hangs. Of JAX's own it would be 100.
SILENT_SECONDS = 60
_RETRY_SECONDS = 0.2
_ALIVE: dict[str, Any] = {"alive": True}
_BYE: dict[str, Any] = {"bye": True}
_READY: dict[str, Any] = {"ready": True}


@dataclass(frozen=True)
class LostHost:
    """A host that does not train any more.

    Attributes:
        host: Its index.
        how: What came to it: a sentence without its subject.
        exit_code: What the others end with.
    """

    host: int
    how: str
    exit_code: int = RunError.exit_code


class Meeting:
    """The connections of this host with the others.

    Attributes:
        hosts: Who they are.
        training: Whether all have begun to train, so that a signal stops all of them.
    """

    def __init__(self, hosts: Hosts, facts: Mapping[str, str]) -> None:
        """Wait for all hosts.

        Args:
            hosts: Who they are.
            facts: What must be the same on all of them, by a name for people; an
                option by ``with`` or ``without``.

        Raises:
            DeviceError: One did not come in time, or has other facts.
        """
        self.hosts = hosts
        self.training = False
        self._peers: dict[int, Connection] = {}
        self._parting = False
        self._lost = threading.Event()
        self._ready: set[int] = set()
        self._heard = threading.Condition()
        end = time.monotonic() + MEETING_SECONDS
        meet = self._find_first if hosts.index else self._wait_for_others
        try:
            self._service_port = meet(facts, end)
        except BaseException:
            self.close()
            raise

    def start_jax(self) -> None:
        """Have the devices of all hosts be those of one JAX."""
        import jax

        jax.distributed.initialize(
            f"{self.hosts.address}:{self._service_port}",
            self.hosts.count,
            self.hosts.index,
            cluster_detection_method="deactivate",
        )

    def watch(self, on_lost: Callable[[LostHost], None]) -> None:
        """Have the loss of a host told, in another thread."""
        for index, peer in self._peers.items():
            arguments = (index, peer, on_lost)
            threading.Thread(target=self._listen, args=arguments, daemon=True).start()
        threading.Thread(target=self._say_alive, daemon=True).start()

    def begin_together(self) -> None:
        """Wait until all hosts come here; to be called once they are watched.

        From then on each waits only half a minute for the first word of another in JAX.
        """
        if self.hosts.index:
            self._peers[0].send(_READY)
        with self._heard:
            self._heard.wait_for(lambda: self._ready == {*self._peers})
        if not self.hosts.index:
            self._tell_all(_READY)

    def part(self) -> None:
        """Say that nothing more is asked of the others, and wait until all do."""
        import jax

        if not self._parting:
            self.say_bye()
            jax.distributed.shutdown()

    def say_bye(self) -> None:
        """Have the others not take the end of this process for a loss."""
        self._parting = True
        self._tell_all(_BYE)

    def tell_end(self, how: str, exit_code: int) -> None:
        """Say why this process ends, which ends the others, too.

        Does not return where it is ending already, since another one did.

        Args:
            how: As for ``LostHost``, and so is ``exit_code``.
        """
        with self._heard:
            self._parting = True
        while self._lost.is_set():
            time.sleep(_RETRY_SECONDS)
        self._tell_all(asdict(LostHost(self.hosts.index, how, exit_code)))

    def close(self) -> None:
        """Close the connections."""
        for peer in self._peers.values():
            peer.close()

    def _tell_all(self, what: Mapping[str, Any]) -> None:
        for peer in self._peers.values():
            with contextlib.suppress(OSError):
                peer.send(what)

    def _say_alive(self) -> None:
        while not self._parting:
            self._tell_all(_ALIVE)
            time.sleep(ALIVE_SECONDS)

    def _listen(
        self, index: int, peer: Connection, on_lost: Callable[[LostHost], None]
    ) -> None:
        found = _ALIVE
        while found in (_ALIVE, _READY):
            found = _receive(index, peer)
            if found == _READY:
                with self._heard:
                    self._ready.add(index)
                    self._heard.notify_all()
        with self._heard:
            if found == _BYE or self._parting:
                return
            self._parting = True
            self._lost.set()
        # The first host passes on what it hears; a silent one may still hear why.
        self._tell_all(found)
        on_lost(LostHost(**found))

    def _wait_for_others(self, facts: Mapping[str, str], end: float) -> int:
        hosts = self.hosts
        with open_port(hosts.port, hosts.count) as server:
            while missing := self._missing():
                try:
                    server.settimeout(max(end - time.monotonic(), 0.001))
                    connected, _ = server.accept()
                except TimeoutError:
                    raise DeviceError(
                        f"Of {hosts.count} hosts these did not come within "
                        f"{MEETING_SECONDS:g} seconds, or left again: "
                        f"{', '.join(map(str, missing))} (counted from 0). Start the "
                        "same command on each of them, with its --host-index; each "
                        f"must reach {hosts.address} by the port {hosts.port}."
                    ) from None
                self._admit(Connection(connected), facts)
        port = _free_port()
        self._tell_all({"port": port})
        return port

    def _missing(self) -> list[int]:
        """Who has not come, or has left and may come again."""
        for index, peer in [*self._peers.items()]:
            if not peer.is_open():
                peer.close()
                del self._peers[index]
        return sorted({*range(1, self.hosts.count)} - {*self._peers})

    def _admit(self, peer: Connection, facts: Mapping[str, str]) -> None:
        """Take a connection for one of the hosts, if it is.

        Raises:
            DeviceError: It is, and cannot take part.
        """
        try:
            found = peer.receive(5.0)
            index, count = int(found["index"]), int(found["count"])
            theirs = dict(found["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            # Some other program that tried the port.
            peer.close()
            return
        problem = None
        if count != self.hosts.count:
            problem = f"says that there are {count} hosts, and not {self.hosts.count}"
        elif index not in self._missing():
            problem = "was started twice, or as the first one"
        else:
            problem = _describe_differences(facts, theirs)
        if problem is not None:
            sentence = (
                f"Host {index} {problem}. Start the same command on all hosts, each "
                "with its own --host-index and the same files."
            )
            with contextlib.suppress(OSError):
                peer.send({"error": sentence})
            peer.close()
            self._tell_all({"error": sentence})
            raise DeviceError(sentence)
        peer.notice_end_of_system()
        self._peers[index] = peer

    def _find_first(self, facts: Mapping[str, str], end: float) -> int:
        hosts = self.hosts
        said = {"index": hosts.index, "count": hosts.count, "facts": dict(facts)}
        where = (hosts.address, hosts.port)
        problem = "nobody answers"
        while (left := end - time.monotonic()) > 0:
            try:
                first = Connection(socket.create_connection(where, timeout=left))
                self._peers[0] = first
                first.send(said)
                found = first.receive(max(end - time.monotonic(), 0.001))
            except (OSError, ValueError) as error:
                problem = describe_failure(error)
                self.close()
                time.sleep(_RETRY_SECONDS)
                continue
            if "error" in found:
                raise DeviceError(str(found["error"]))
            first.notice_end_of_system()
            return int(found["port"])
        raise DeviceError(
            f"The first host did not begin within {MEETING_SECONDS:g} seconds at "
            f"{hosts.address}, port {hosts.port} ({problem}): it is not started, "
            "cannot be reached from here, or waits for another host."
        )


def _describe_differences(
    facts: Mapping[str, str], theirs: Mapping[str, str]
) -> str | None:
    names = [name for name in facts if theirs.get(name) != facts[name]]
    others = [name for name in names if not name.startswith("--")]
    problems = [
        f"was started {theirs.get(name, 'without')} {name}, unlike the first"
        for name in names
        if name not in others
    ]
    if others:
        problems.append(f"has another {' and another '.join(others)} than the first")
    return ", and ".join(problems) or None


def _receive(index: int, peer: Connection) -> dict[str, Any]:
    """What a host says next, or that it is lost."""
    try:
        return peer.receive(SILENT_SECONDS)
    except SilentError:
        how = f"has said nothing for {SILENT_SECONDS} seconds: it hangs."
    except (OSError, ValueError):
        how = "ended, or cannot be reached any more."
    return asdict(LostHost(index, how))


def _free_port() -> int:
    with socket.create_server(("", 0)) as server:
        return int(server.getsockname()[1])
