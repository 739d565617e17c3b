"""A request whose waiting ends on time, whatever the server does.

A socket's own limit begins anew with every byte, and a name server has none. So what
may not return runs in a thread of its own, and at the end its sockets are shut.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from cifarcnn.data.daemon_thread import start_daemon

T = TypeVar("T")


class AbortableRequest:
    """The sockets of one request, and the waiting for what comes through them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._aborted = False

    def wait_for(self, work: Callable[[], T], seconds: float) -> T:
        """What ``work`` returns or raises, which may need the network.

        Raises:
            TimeoutError: It has not returned after so many seconds.
        """
        return start_daemon(work).result(timeout=seconds)

    def abort(self) -> None:
        """Shut all sockets, and those yet to come: what waits for them returns."""
        with self._lock:
            self._aborted = True
            for held in self._sockets:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)
                held.close()
            self._sockets.clear()

    def watch(self, manager: PoolManager) -> PoolManager:
        """The manager, each socket of which ``abort`` will shut from now on."""
        hold = self._hold

        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return hold(super()._new_conn())

        class SecureConnection(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return hold(super()._new_conn())

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = SecureConnection

        manager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
        return manager

    def _hold(self, made: socket.socket) -> socket.socket:
        with self._lock:
            if self._aborted:
                made.close()
                raise ConnectionAbortedError
            # A duplicate: TLS takes the socket itself apart.
            self._sockets.append(made.dup())
        return made
