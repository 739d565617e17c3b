"""A connection between two hosts: a line of JSON for each thing that one says."""

from __future__ import annotations

import errno
import json
import socket
import threading
from collections.abc import Mapping
from typing import Any

from cifarcnn.errors import DeviceError, first_line

# How often a host says that it is there, and is asked by the system whether it is.
ALIVE_SECONDS = 5
# Without an answer of the other system a connection ends after that.
LOST_SECONDS = 25
_LONGEST_LINE = 65_536


class Connection:
    """What is said to one host, and what it says."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        # Each line whole, whichever thread says it.
        self._sending = threading.Lock()

    def send(self, what: Mapping[str, Any]) -> None:
        """Say something.

        Raises:
            OSError: The connection ended.
        """
        with self._sending:
            self._socket.sendall(json.dumps(what).encode() + b"\n")

    def receive(self, seconds: float) -> dict[str, Any]:
        """What the other host says next.

        Raises:
            SilentError: Nothing came in time.
            OSError: The connection ended.
            ValueError: It is something else than a mapping.
        """
        self._socket.settimeout(seconds)
        line = b""
        # One at a time: what follows is the next line.
        while not line.endswith(b"\n"):
            if len(line) > _LONGEST_LINE:
                raise ValueError("a line without end")
            try:
                found = self._socket.recv(1)
            except TimeoutError as error:
                # The system's own, of a connection that it gave up, has a number.
                raise error if error.errno else SilentError(str(error)) from None
            if not found:
                raise ConnectionError("the connection was closed")
            line += found
        content = json.loads(line)
        if not isinstance(content, dict):
            raise ValueError("no mapping")
        return content

    def is_open(self) -> bool:
        """Whether the other host has not ended it, as far as the system knows.

        To be asked where it has nothing to say.
        """
        self._socket.settimeout(0)
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self._socket.settimeout(None)

    def notice_end_of_system(self) -> None:
        """Have it end with the other system, and not only with a process there."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        unanswered = LOST_SECONDS - ALIVE_SECONDS
        options = {
            "TCP_KEEPIDLE": ALIVE_SECONDS,
            "TCP_KEEPINTVL": ALIVE_SECONDS,
            "TCP_KEEPCNT": unanswered // ALIVE_SECONDS,
            # The system asks nothing as long as it sends again what was not answered.
            "TCP_USER_TIMEOUT": 1000 * unanswered,
        }
        for name, value in options.items():
            # Not every system has them.
            if hasattr(socket, name):
                number = getattr(socket, name)
                self._socket.setsockopt(socket.IPPROTO_TCP, number, value)

    def close(self) -> None:
        """End it, which the other host notices."""
        self._socket.close()


class SilentError(TimeoutError):
    """The other host said nothing for a time, while the connection is open."""


def open_port(port: int, count: int) -> socket.socket:
    """Where the other hosts find the first.

    Args:
        port: Of ``--hosts``.
        count: How many hosts there are.

    Raises:
        DeviceError: The system does not allow it.
    """
    try:
        return socket.create_server(("", port), backlog=count)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "another program uses it" if taken else describe_failure(error)
        raise DeviceError(
            f"The port {port} of --hosts cannot be opened on this host, the first: "
            f"{why}. Name another port, on all hosts."
        ) from None


def describe_failure(error: OSError | ValueError) -> str:
    """What the system says of a connection, without its number."""
    return getattr(error, "strerror", None) or first_line(error)
