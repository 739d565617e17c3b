"""Servers and proxies whose answers have no end, or make no sense."""

from __future__ import annotations

import gc
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cifarcnn.data.fetching.sources import ArchiveSource

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Endless:
    """Says ``start`` to every connection, then ``piece`` again and again.

    Attributes:
        asked: Set once a client has asked for something.
    """

    def __init__(self, start: bytes, piece: bytes = b"", pause: float = 0.0) -> None:
        self.port = 0
        self.asked = threading.Event()
        self._said = (start, piece, pause)

    def talk(self, connection: socket.socket) -> None:
        start, piece, pause = self._said
        connection.recv(65536)
        self.asked.set()
        connection.sendall(start)
        while piece:
            connection.sendall(piece)
            time.sleep(pause)
        while connection.recv(65536):
            pass


def nothing_goes_on() -> bool:
    """Whether the threads that wait for servers end, which they do soon.

    A socket that they left open warns here, and not in a later test.
    """
    end = time.monotonic() + 20
    while any(thread.name == "cifarcnn" for thread in threading.enumerate()):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    gc.collect()
    return True


@pytest.fixture
def endless(make_server, listen):
    archive = make_server().source.archive

    def make(*said, scheme: str = "http"):
        server = Endless(*said)
        server.port = listen(server.talk)
        url = f"{scheme}://127.0.0.1:{server.port}/{archive.name}"
        return server, ArchiveSource(url, archive)

    return make


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ((b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), "no answer within 0.5 s."),
        ((b"", b"HTTP/1.1 100 Go\r\nA: b\r\n\r\n", 0.05), "no answer within 0.5 s."),
        ((OK, b"A: b\r\n", 0.05), "no answer within 0.5 s."),
        ((OK + b"A: ", b"a", 0.05), "no answer within 0.5 s."),
        ((CHUNKED + b"0\r\n", b"A: b\r\n" * 500), "nothing came for 0.4 s."),
        ((CHUNKED + b"0\r\n", b"A: b\r\n", 0.05), "nothing came for 0.4 s."),
        ((CHUNKED, b"0", 0.05), "nothing came for 0.4 s."),
        ((CHUNKED + b"9; a=", b"b", 0.05), "nothing came for 0.4 s."),
    ],
    ids=[
        "continue",
        "continue slowly",
        "headers slowly",
        "a header slowly",
        "trailers",
        "trailers slowly",
        "a length slowly",
        "an extension slowly",
    ],
)
def test_an_answer_without_end_is_left_for_the_next_source(
    endless, make_server, fetching, said, cause
):
    (_, source), sound = endless(*said), make_server()
    assert fetching(source, sound.source, answer_seconds=0.5, tries=1) == sound.url
    assert fetching.story.count(f"{cause} Left for now") == 1
    assert nothing_goes_on()


def test_trailers_without_end_do_not_spoil_a_whole_body(endless, fetching, body):
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    _, source = endless(CHUNKED + chunk + b"0\r\n", b"A: b\r\n" * 500)
    assert fetching(source) == source.url
    assert nothing_goes_on()


def test_a_handshake_that_never_ends(endless, fetching):
    _, source = endless(b"", b"\x16\x03\x03\x40\x00" + b"a" * 99, 0.05)
    secure = ArchiveSource(source.url.replace("http", "https"), source.archive)
    cause = fetching.causes(secure, connect_seconds=0.4, tries=1)[0]
    assert cause.startswith("no ") or cause.startswith("nothing came for ")
    _, source = endless(b"", scheme="https")
    bounds = {"connect_seconds": 9, "silence_seconds": 9, "answer_seconds": 0.4}
    assert fetching.causes(source, tries=1, **bounds) == ["no answer within 0.4 s."]
    assert nothing_goes_on()


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_proxy_that_never_comes_to_an_end(endless, fetching, monkeypatch, start):
    proxy, source = endless(start, b"A: b\r\n" * 500 if start else b"")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    outside = ArchiveSource("https://archive.invalid/a.tar.gz", source.archive)
    bounds = {"silence_seconds": 9, "answer_seconds": 0.4}
    # Some Pythons read no more than 100 headers of a proxy.
    assert fetching.causes(outside, tries=1, **bounds)[0] in (
        "no answer within 0.4 s.",
        "its answer cannot be read: got more than 100 headers.",
    )
    assert nothing_goes_on()


@pytest.mark.parametrize("proxy", [False, True])
def test_a_connection_reset_before_tls(
    make_server, listen, fetching, monkeypatch, proxy
):
    def talk(connection: socket.socket) -> None:
        if proxy:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        at_once = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)

    port, archive = listen(talk), make_server().source.archive
    address = f"127.0.0.1:{port}"
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
    host = "archive.invalid" if proxy else address
    source = ArchiveSource(f"https://{host}/a.tar.gz", archive)
    (cause,) = fetching.causes(source, tries=10)
    assert cause.endswith(": Connection reset by peer.")
    assert nothing_goes_on()


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "a..invalid"])
def test_a_proxy_is_asked_for_no_impossible_name(
    make_server, endless, fetching, monkeypatch, host
):
    proxy, source = endless(b"HTTP/1.1 200 OK\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    outside = ArchiveSource(f"https://{host}/a.tar.gz", source.archive)
    (cause,) = fetching.causes(outside)
    assert cause.endswith(" cannot be the name of a server.")
    assert not proxy.asked.is_set()
    assert nothing_goes_on()


def test_all_redirects_together_have_the_time_of_one_answer(endless, fetching):
    hops = [endless(b"HTTP/1.1 302 F\r\nLocation: /a\r\n", b"A: b\r\n", 0.03)]
    for _ in range(3):
        location = hops[-1][1].url.encode()
        answer = b"HTTP/1.1 302 F\r\nLocation: %s\r\n\r\n" % location
        hops.append(endless(answer))
    start = time.monotonic()
    assert fetching.causes(hops[-1][1], answer_seconds=0.5, tries=1) == [
        "no answer within 0.5 s."
    ]
    assert time.monotonic() - start < 20


def test_silent_sources_are_not_tried_again_for_ever(endless, fetching):
    sources = [endless(b"")[1] for _ in range(3)]
    bounds = {"silence_seconds": 0.2, "tries": 10**9, "stalled_seconds": 2.0}
    assert fetching.causes(*sources, **bounds) == ["nothing came for 0.2 s."] * 3
    # All of them had their turn, and none a second one once nothing had come so long.
    assert 1 <= fetching.story.count("Once more in") <= 10
    assert fetching.story.count("Left for now") == 3


@pytest.mark.parametrize(
    "target",
    [
        "http://[::1",
        "//[",
        "https://example.com:0x50/",
        "https://example.com:99999/",
        "https://a\N{KELVIN SIGN}b/".encode().decode("latin-1"),
        "https:///a",
        "https://\xff\x1b[31m/",
        "/" + "a" * 3000,
    ],
)
def test_a_malformed_redirect_is_left_for_the_next_source(
    endless, make_server, fetching, target
):
    answer = b"HTTP/1.1 302 F\r\nLocation: %s\r\n\r\n" % target.encode("latin-1")
    (_, source), sound = endless(answer), make_server()
    assert fetching(source, sound.source) == sound.url
    note = fetching.story.events[0][1]
    assert note.startswith("127.0.0.1: it redirects to ") and note.isprintable()
    assert note.endswith(
        ", which is not followed: it is not an address. Left for now"
    ) or note.endswith("expected https://. Left for now")


@pytest.mark.parametrize(
    "host", ["a" * 64 + ".invalid", "a..invalid", "xn--a.invalid", "[v1.x]"]
)
def test_a_redirect_to_no_possible_name(endless, make_server, fetching, host):
    answer = b"HTTP/1.1 302 F\r\nLocation: https://%s/\r\n\r\n" % host.encode()
    (_, source), sound = endless(answer), make_server()
    assert fetching(source, sound.source) == sound.url
    assert fetching.story.events[0][1].endswith(
        " cannot be the name of a server. Left for now"
    ) or fetching.story.count("the name xn--a.invalid is not found")


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("9" * 20, "10,000,000,000"),
        ("9" * 5000, None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "10,000,000,000"),
        ("Fri, 31 Dec 99999999999999 23:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("-5", None),
        ("soon", None),
        ("\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_odd_pauses_that_a_server_asks_for(
    make_server, fetching, answer, asked, seconds
):
    busy = answer(body=b"", status=503, headers={"Retry-After": asked})
    server = make_server(busy, answer())
    if seconds is None:
        assert fetching(server.source) == server.url
    else:
        assert fetching.causes(server.source) == [
            "the server answers 503 (Service Unavailable) and asks to come back in "
            f"{seconds} s."
        ]


@pytest.mark.parametrize(
    ("head", "cause"),
    [
        (b"Content-Length: 80002\r\nContent-Length: 9\r\n", "its answer cannot be read:"
         " Content-Length contained multiple unmatching values (80002, 9)."),
        (b"Content-Length: -1\r\n", "it announces '-1' bytes, expected 80,002: it is "
         "another file."),
        (b"A: b\r\n" * 101, "its answer cannot be read: got more than 100 headers."),
        (b"A: " + b"b" * 70_000 + b"\r\n", "its answer cannot be read: got more than "
         "65536 bytes when reading header line."),
    ],
)  # fmt: skip
def test_heads_that_cannot_be_read(endless, fetching, head, cause):
    _, source = endless(OK + head + b"\r\n")
    assert fetching.causes(source, tries=1) == [cause]


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 01 Jan\x0b2009 00:00:00 GMT",
        "Thu, 01 Jan 2009 00:00:00 " + "G" * 9000,
        "Thu, 01 Jan 2009 99:99:99 +" + "9" * 50,
        "9" * 90,
    ],
)
def test_odd_dates_are_no_sign_of_the_version(make_server, fetching, answer, date):
    headers = {"ETag": None, "Last-Modified": date}
    server = make_server(answer(cut_after=30_000, headers=headers), answer())
    fetching(server.source)
    assert [request.get("If-Range") for request in server.requests] == [None, None]


SCRIPT = """
import socket, sys, time
from pathlib import Path
from cifarcnn.data.cifar.facts import Archive
from cifarcnn.data.fetching.fetch import fetch_archive
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import ArchiveSource, FetchObserver

url, folder, hang = sys.argv[1:]
if hang:  # no name server can be made to
    find = socket.getaddrinfo
    socket.getaddrinfo = lambda *a, **k: (print("asked", flush=True), time.sleep(60))
source = ArchiveSource(url, Archive("a.tar.gz", 99, ""))
fetch_archive([source], Path(folder), policy=RetryPolicy(), observer=FetchObserver())
"""


@pytest.mark.parametrize(
    ("said", "scheme", "hang"),
    [
        ((CHUNKED + b"2\r\n\x1f\x8b\r\n0\r\n", b"A: b\r\n" * 500), "http", ""),
        ((b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), "http", ""),
        ((b"",), "https", ""),
        ((b"",), "https", "hang"),
    ],
    ids=["trailers", "continue", "handshake", "name server"],
)
def test_an_interrupt_acts_at_once(endless, tmp_path, said, scheme, hang):
    server, source = endless(*said, scheme=scheme)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, source.url, str(tmp_path), hang],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        if hang:
            assert process.stdout.readline() == "asked\n"
        else:
            assert server.asked.wait(60)
        time.sleep(0.3)  # into the middle of it
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said_last = process.communicate(timeout=25)
    # Long before any limit of the policy would have ended it.
    assert time.monotonic() - start < 25
    assert said_last.rstrip().endswith("KeyboardInterrupt")
