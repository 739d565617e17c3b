"""A real HTTP server on loopback that misbehaves as it is told."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cifarcnn.data.cifar.facts import Archive
from cifarcnn.data.fetching.fetch import fetch_archive
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import ArchiveSource, FetchObserver
from cifarcnn.errors import DataError

BODY = b"\x1f\x8b" + bytes(
    byte for number in range(2500) for byte in hashlib.sha256(b"%d" % number).digest()
)  # 80 kB that do not repeat
NAME = "cifar-10-binary.tar.gz"
ARCHIVE = Archive(NAME, len(BODY), hashlib.sha256(BODY).hexdigest())
# Quick, but otherwise as in use.
QUICK = RetryPolicy(
    connect_seconds=2,
    silence_seconds=0.4,
    tries=3,
    first_pause=0.01,
    longest_pause=0.05,
    rate_seconds=0.2,
    lock_seconds=0.01,
)


@dataclass(frozen=True)
class Answer:
    """How one request is answered.

    Attributes:
        body: The file.
        drip: Seconds between two bytes of the head, of which there is no end.
        status: Instead of 200 or 206.
        headers: Further ones, or others instead; ``None`` leaves one out.
        cut_after: Bytes of this answer's body after which the connection is closed.
        stall_after: Bytes after which nothing more comes.
        reset: Whether the connection breaks at the end instead of being closed.
        hold_after: Bytes after which nothing more comes until ``Server.gate`` is open.
        rate: Bytes per second; 0 for as fast as it goes.
        ranges: Whether ranges are understood.
        stubborn: Whether ``If-Range`` is not.
        chunked: Whether no length is announced.
    """

    body: bytes = BODY
    status: int | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None
    hold_after: int | None = None
    rate: float = 0.0
    ranges: bool = True
    stubborn: bool = False
    chunked: bool = False
    reset: bool = False
    drip: float = 0.0


class Server:
    """Answers the first request by the first answer, and so on; the last one stays.

    Attributes:
        answers: What is left to answer with.
        requests: The headers of every request so far.
        gate: Lets go what is held.
    """

    def __init__(self, context: Any = None) -> None:
        self.answers: list[Answer] = [Answer()]
        self.requests: list[Any] = []
        self.stopping = threading.Event()
        self.gate = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.requests.append(self.headers)
                more = len(owner.answers) > 1
                answer = owner.answers.pop(0) if more else owner.answers[0]
                try:
                    _reply(self, answer, owner.stopping, owner.gate)
                except OSError:
                    pass  # the client had enough
                self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if context is not None:
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self.scheme = "http" if context is None else "https"
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/{NAME}"

    @property
    def source(self) -> ArchiveSource:
        return ArchiveSource(self.url, ARCHIVE)

    def stop(self) -> None:
        self.stopping.set()
        self.gate.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _reply(
    handler: BaseHTTPRequestHandler, answer: Answer, stop: Any, gate: Any
) -> None:
    while answer.drip:
        handler.wfile.write(b"H")
        if stop.wait(answer.drip):
            return
    body, status = answer.body, answer.status or 200
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    headers: dict[str, str | None] = {"Content-Type": "application/gzip", "ETag": etag}
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range") or "")
    condition = handler.headers.get("If-Range", etag)
    known = {etag, answer.headers.get("Last-Modified"), answer.headers.get("ETag")}
    if asked and answer.ranges and not answer.status:
        if condition in known or answer.stubborn:
            first = int(asked[1])
            status = 206
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            body = body[first:]
    if not answer.chunked:
        headers["Content-Length"] = str(len(body))
    handler.send_response(status)
    for name, value in (headers | answer.headers).items():
        if value is not None:
            handler.send_header(name, value)
    handler.end_headers()
    limit = len(body) if answer.cut_after is None else answer.cut_after
    if answer.stall_after is not None:
        limit = answer.stall_after
    step = max(1, int(answer.rate / 50)) if answer.rate else 16_384
    if answer.hold_after is not None:
        handler.wfile.write(body[: answer.hold_after])
        gate.wait(60)
        body, limit = body[answer.hold_after :], limit - answer.hold_after
    for start in range(0, limit, step):
        handler.wfile.write(body[start : min(start + step, limit)])
        handler.wfile.flush()
        if answer.rate and stop.wait(step / answer.rate):
            return
    if answer.stall_after is not None:
        stop.wait(10)
    if answer.reset:
        at_once = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        handler.connection.close()


@pytest.fixture
def make_server() -> Iterator[Any]:
    """Starts servers, and stops them after the test."""
    started: list[Server] = []

    def make(*answers: Answer, context: Any = None) -> Server:
        server = Server(context)
        started.append(server)
        if answers:
            server.answers = list(answers)
        return server

    yield make
    for server in started:
        server.stop()


class Story(FetchObserver):
    """Writes down what happened, the numbers left out."""

    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []
        self.last: tuple[int, int] = (0, 0)

    def source_opened(self, source: ArchiveSource, done: int) -> None:
        self.events.append(("opened", done))

    def bytes_arrived(self, done: int, total: int, rate: float) -> None:
        self.last = (done, total)

    def archive_placed(self, path: Path, url: str) -> None:
        self.events.append(("placed", path.name))

    def noted(self, sentence: str) -> None:
        self.events.append(("noted", sentence))

    def count(self, words: str) -> int:
        """How many notes say that."""
        return sum(name == "noted" and words in str(text) for name, text in self.events)


@dataclass(frozen=True)
class Fetching:
    """Fetches the stand-in archive into a folder of the test."""

    folder: Path
    story: Story

    @property
    def target(self) -> Path:
        return self.folder / NAME

    def refusal(self, *sources: ArchiveSource, **bounds: float) -> str:
        """What is said when no source gives it; nothing wrong is left in its place."""
        with pytest.raises(DataError) as caught:
            self(*sources, **bounds)
        assert not self.target.exists()
        return str(caught.value)

    def causes(self, *sources: ArchiveSource, **bounds: float) -> list[str]:
        """Why each source failed, without its address."""
        lines = self.refusal(*sources, **bounds).splitlines()[1:]
        return [line.split(": ", 1)[1] for line in lines]

    def __call__(self, *sources: ArchiveSource, **bounds: float) -> str | None:
        path, url = fetch_archive(
            sources,
            self.folder,
            policy=replace(QUICK, **bounds),
            observer=self.story,
        )
        assert path == self.target and path.read_bytes() == BODY
        assert [one.name for one in self.folder.iterdir() if "part" in one.name] == []
        return url


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetching:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return Fetching(tmp_path / "store", Story())


@pytest.fixture(scope="session")
def answer() -> type[Answer]:
    """How a server answers one request."""
    return Answer


@pytest.fixture(scope="session")
def body() -> bytes:
    """The bytes of the stand-in archive."""
    return BODY


@pytest.fixture(scope="session")
def quick() -> RetryPolicy:
    """Bounds for tests."""
    return QUICK


@pytest.fixture
def listen() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Gives each connection to a port of loopback to a function; returns the port."""
    servers: list[socket.socket] = []

    def serve(server: socket.socket, talk: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(
                target=answer, args=(connection, talk), daemon=True
            ).start()

    def answer(
        connection: socket.socket, talk: Callable[[socket.socket], None]
    ) -> None:
        with contextlib.suppress(OSError), connection:
            talk(connection)

    def start(talk: Callable[[socket.socket], None]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        threading.Thread(target=serve, args=(server, talk), daemon=True).start()
        return server.getsockname()[1]

    yield start
    for server in servers:
        server.close()
