"""Several hosts that train together: how they meet, and how the loss of one is noticed.

JAX has a service of its own for both, but ends the process where a host does not come
or goes, without a word. So the hosts meet here first, and keep a connection between the
first one and each other: the system closes it with a process, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from cifarcnn.engine.host_addresses import Hosts
from cifarcnn.errors import DeviceError, first_line

# How long a host is waited for; they are started one after the other.
MEETING_SECONDS = 300.0
# Without an answer of the other system a connection ends after that.
LOST_SECONDS = 25
_RETRY_SECONDS = 0.2
_LONGEST_LINE = 65_536
_BYE = {"bye": True}


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
            facts: What must be the same on all of them, by a name for people.

        Raises:
            DeviceError: One did not come in time, or has other facts.
        """
        self.hosts = hosts
        self.training = False
        self._peers: dict[int, socket.socket] = {}
        self._parting = False
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

    def watch(self, on_lost: Callable[[int], None]) -> None:
        """Have the loss of a host told, in another thread.

        Args:
            on_lost: Is given its index.
        """
        for index, peer in self._peers.items():
            arguments = (index, peer, on_lost)
            threading.Thread(target=self._listen, args=arguments, daemon=True).start()

    def part(self) -> None:
        """Say that nothing more is asked of the others, and wait until all do."""
        import jax

        if not self._parting:
            self.say_bye()
            jax.distributed.shutdown()

    def say_bye(self) -> None:
        """Have the others not take the end of this process for a loss."""
        self._parting = True
        for peer in self._peers.values():
            with contextlib.suppress(OSError):
                _send(peer, _BYE)

    def close(self) -> None:
        """Close the connections."""
        for peer in self._peers.values():
            peer.close()

    def _listen(
        self, index: int, peer: socket.socket, on_lost: Callable[[int], None]
    ) -> None:
        try:
            found = _receive(peer, None)
        except (OSError, ValueError):
            found = {"lost": index}
        if found == _BYE or self._parting:
            return
        lost = int(found.get("lost", index))
        if self.hosts.index == 0:
            for other in self._peers.values():
                with contextlib.suppress(OSError):
                    _send(other, {"lost": lost})
        on_lost(lost)

    def _wait_for_others(self, facts: Mapping[str, str], end: float) -> int:
        hosts = self.hosts
        try:
            server = socket.create_server(("", hosts.port), backlog=hosts.count)
        except OSError as error:
            raise DeviceError(
                f"The port {hosts.port} of --hosts cannot be opened on this host, the "
                f"first: {first_line(error)}."
            ) from None
        with server:
            while len(self._peers) < hosts.count - 1:
                try:
                    server.settimeout(max(end - time.monotonic(), 0.001))
                    peer, _ = server.accept()
                except TimeoutError:
                    missing = {*range(1, hosts.count)} - {*self._peers}
                    raise DeviceError(
                        f"Of {hosts.count} hosts these did not come within "
                        f"{MEETING_SECONDS:g} seconds: "
                        f"{', '.join(map(str, sorted(missing)))} (counted from 0). "
                        "Start the same command on each of them, with its "
                        f"--host-index; each must reach {hosts.address} by the port "
                        f"{hosts.port}."
                    ) from None
                self._admit(peer, facts)
        port = _free_port()
        for peer in self._peers.values():
            _send(peer, {"port": port})
        return port

    def _admit(self, peer: socket.socket, facts: Mapping[str, str]) -> None:
        """Take a connection for one of the hosts, if it is.

        Raises:
            DeviceError: It is, and cannot take part.
        """
        try:
            found = _receive(peer, 5.0)
            index, count = int(found["index"]), int(found["count"])
            theirs = dict(found["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            # Some other program that tried the port.
            peer.close()
            return
        others = [name for name in facts if theirs.get(name) != facts[name]]
        problem = None
        if count != self.hosts.count:
            problem = f"says that there are {count} hosts, and not {self.hosts.count}"
        elif index in self._peers or not 0 < index < count:
            problem = "was started twice, or as the first one"
        elif others:
            problem = f"has another {' and another '.join(others)} than the first"
        if problem is not None:
            sentence = (
                f"Host {index} {problem}. Start the same command on all hosts, each "
                "with its own --host-index and the same files."
            )
            with peer:
                for each in (peer, *self._peers.values()):
                    with contextlib.suppress(OSError):
                        _send(each, {"error": sentence})
            raise DeviceError(sentence)
        self._peers[index] = _kept_alive(peer)

    def _find_first(self, facts: Mapping[str, str], end: float) -> int:
        hosts = self.hosts
        said = {"index": hosts.index, "count": hosts.count, "facts": dict(facts)}
        where = (hosts.address, hosts.port)
        problem = "nobody answers"
        while (left := end - time.monotonic()) > 0:
            try:
                self._peers[0] = socket.create_connection(where, timeout=left)
                _send(self._peers[0], said)
                found = _receive(self._peers[0], max(end - time.monotonic(), 0.001))
            except (OSError, ValueError) as error:
                problem = first_line(error)
                self.close()
                time.sleep(_RETRY_SECONDS)
                continue
            if "error" in found:
                raise DeviceError(str(found["error"]))
            _kept_alive(self._peers[0])
            return int(found["port"])
        raise DeviceError(
            f"The first host did not begin within {MEETING_SECONDS:g} seconds at "
            f"{hosts.address}, port {hosts.port} ({problem}): it is not started, "
            "cannot be reached from here, or waits for another host."
        )


def _kept_alive(peer: socket.socket) -> socket.socket:
    """A connection that notices the end of the other system, and not only of a process.

    Once in 5 seconds it is asked, and given up after LOST_SECONDS.
    """
    peer.settimeout(None)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": 5,
        "TCP_KEEPINTVL": 5,
        "TCP_KEEPCNT": LOST_SECONDS // 5 - 1,
    }
    for name, value in options.items():
        # Not every system has them.
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return peer


def _send(peer: socket.socket, what: Mapping[str, Any]) -> None:
    peer.sendall(json.dumps(what).encode() + b"\n")


def _receive(peer: socket.socket, seconds: float | None) -> dict[str, Any]:
    """One line of JSON.

    Raises:
        OSError: The connection ended, or nothing came in time.
        ValueError: It is something else.
    """
    peer.settimeout(seconds)
    line = b""
    # One at a time: what follows is the next line.
    while not line.endswith(b"\n"):
        if len(line) > _LONGEST_LINE:
            raise ValueError("a line without end")
        found = peer.recv(1)
        if not found:
            raise ConnectionError("the connection was closed")
        line += found
    content = json.loads(line)
    if not isinstance(content, dict):
        raise ValueError("no mapping")
    return content


def _free_port() -> int:
    with socket.create_server(("", 0)) as server:
        return int(server.getsockname()[1])
