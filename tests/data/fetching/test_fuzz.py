"""Answers that are not quite HTTP: the right bytes or a sentence, nothing else.

``CIFARCNN_FUZZ_EXAMPLES`` says how many.
"""

from __future__ import annotations

import os
import random
import socket

import pytest

from cifarcnn.data.fetching.sources import ArchiveSource
from cifarcnn.errors import DataError

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("CIFARCNN_FUZZ_EXAMPLES", "150"))
HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b'Last-Modified: Thu, 01 Jan 2009 00:00:00 GMT\r\nETag: "a"\r\n'
    b"Content-Type: application/gzip\r\nContent-Length: %d\r\n\r\n"
)
PARTIAL = (
    b'HTTP/1.1 206 Partial Content\r\nETag: "a"\r\nContent-Length: %d\r\n'
    b"Content-Range: bytes %d-%d/%d\r\n\r\n"
)
TOKENS = [
    b"\r\n",
    b"\0",
    b"-1",
    b"9" * 30,
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Location: /\r\n",
    b"302",
    b"206",
    b"416",
    b"100",
    b"HTTP/0.9",
    b": ",
    "\u00e9".encode(),
    b"\xff",
    b"x" * 70_000,
]


class Answers:
    """Says to every connection what ``say`` makes of its request."""

    def __init__(self, listen) -> None:
        self.say = lambda request: b""
        self.port = listen(self._talk)

    def _talk(self, connection: socket.socket) -> None:
        connection.sendall(self.say(connection.recv(65536)))
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(1)
        while connection.recv(65536):
            pass


@pytest.fixture
def answers(listen):
    return Answers(listen)


def disturb(head: bytes, draws: random.Random) -> bytes:
    content = bytearray(head)
    for _ in range(draws.choice([1, 1, 2, 3])):
        place = draws.randrange(len(content))
        token = draws.choice(TOKENS)
        kind = draws.randrange(4)
        if kind == 0:
            content[place] = draws.randrange(256)
        elif kind == 1:
            content[place:place] = token
        elif kind == 2:
            content[place : place + len(token)] = token
        else:
            del content[place : place + draws.randrange(1, 40)]
        content = content or bytearray(b"x")
    return bytes(content)


def test_disturbed_answers(answers, fetching, body, make_server):
    archive = make_server().source.archive
    draws = random.Random(5)
    source = ArchiveSource(f"http://127.0.0.1:{answers.port}/{archive.name}", archive)
    size = len(body)

    def say(request: bytes) -> bytes:
        start = 0
        if b"Range: bytes=" in request:
            start = int(request.split(b"Range: bytes=")[1].split(b"-")[0])
            head = PARTIAL % (size - start, start, size - 1, size)
        else:
            head = HEAD % size
        if draws.random() < 0.7:
            head = disturb(head, draws)
        end = size if draws.random() < 0.5 else draws.randrange(start, size)
        return head + body[start:end]

    answers.say = say
    arrived = 0
    for _ in range(EXAMPLES):
        try:
            fetching(source, silence_seconds=0.5, longest_pause=0.001)
            arrived += 1
            fetching.target.unlink()
        except DataError as error:
            assert str(error)
            assert not fetching.target.exists()
    assert arrived > EXAMPLES / 10
