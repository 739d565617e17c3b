"""Certificates and proxies, with a real TLS server and a real proxy on loopback."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from cifarcnn.data.fetching.sources import ArchiveSource

ADVICE = (
    " Is the date of this machine right? Behind a company's proxy, let the environment "
    "variable SSL_CERT_FILE name the file with the company's certificates. The check "
    "is never left out."
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def authority_file(authority, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(made)
    return made


class Proxy:
    """Lets CONNECT through to ``port``, whatever the name says."""

    def __init__(self, port: int, password: str | None = None) -> None:
        self.asked: list[str] = []
        owner = self
        expected = None
        if password is not None:
            expected = "Basic " + base64.b64encode(password.encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                owner.asked.append(self.path)
                if self.headers.get("Proxy-Authorization") != expected:
                    self.send_error(407)
                    return
                self.send_response(200)
                self.end_headers()
                with socket.create_connection(("127.0.0.1", port)) as upstream:
                    back = threading.Thread(
                        target=_pump, args=(upstream, self.connection), daemon=True
                    )
                    back.start()
                    _pump(self.connection, upstream)
                self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        self.address = f"127.0.0.1:{self._http.server_address[1]}"

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def make_proxy() -> Iterator[type[Proxy]]:
    started: list[Proxy] = []

    def make(*arguments):
        proxy = Proxy(*arguments)
        started.append(proxy)
        return proxy

    yield make
    for proxy in started:
        proxy.stop()


def test_a_trusted_certificate_is_accepted(
    make_server, fetching, authority, authority_file, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", authority_file)
    server = make_server(context=context(authority, "127.0.0.1"))
    assert fetching(server.source) == server.url
    assert server.url.startswith("https://")


def test_a_foreign_certificate_is_refused(make_server, fetching, authority):
    server = make_server(context=context(authority, "127.0.0.1"))
    assert fetching.causes(server.source) == [
        "its certificate is not accepted: unable to get local issuer certificate."
        + ADVICE
    ]
    assert server.requests == []


def test_a_certificate_of_another_name_is_refused(
    make_server, fetching, authority, authority_file, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", authority_file)
    server = make_server(context=context(authority, "example.com"))
    assert fetching.causes(server.source) == [
        "its certificate is not accepted: IP address mismatch, certificate is not "
        "valid for '127.0.0.1'." + ADVICE
    ]


def test_a_server_that_does_not_speak_tls(make_server, fetching):
    server = make_server()
    source = ArchiveSource(server.url.replace("http:", "https:"), server.source.archive)
    cause = fetching.causes(source)[0]
    assert cause.startswith("no secure connection to 127.0.0.1: ")


def test_a_step_down_from_https_is_not_followed(
    make_server, fetching, authority, authority_file, answer, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", authority_file)
    elsewhere = answer(
        body=b"", status=302, headers={"Location": "http://example.com/cifar"}
    )
    server = make_server(elsewhere, context=context(authority, "127.0.0.1"))
    assert fetching.causes(server.source) == [
        "it redirects to 'http://example.com/cifar', which is not followed: expected "
        "https://."
    ]


@pytest.fixture
def outside(make_server, authority, authority_file, monkeypatch):
    """A server of another name, which only a proxy can reach."""
    monkeypatch.setenv("SSL_CERT_FILE", authority_file)
    server = make_server(context=context(authority, "archive.invalid"))
    url = f"https://archive.invalid/{server.url.rpartition('/')[2]}"
    return server, ArchiveSource(url, server.source.archive)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_proxy_of_the_environment_is_used(
    outside, fetching, make_proxy, monkeypatch, variable, scheme
):
    server, source = outside
    proxy = make_proxy(server.port)
    monkeypatch.setenv(variable, scheme + proxy.address)
    assert fetching(source) == source.url
    assert proxy.asked == ["archive.invalid:443"]


def test_a_proxy_with_a_password(outside, fetching, make_proxy, monkeypatch):
    server, source = outside
    proxy = make_proxy(server.port, "me:secret")
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{proxy.address}")
    assert fetching(source) == source.url


def test_a_proxy_that_refuses_is_named_and_its_password_is_not(
    outside, fetching, make_proxy, monkeypatch
):
    server, source = outside
    proxy = make_proxy(server.port, "me:secret")
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:wrong@{proxy.address}")
    causes = fetching.causes(source)
    assert causes == [
        "the proxy that the environment names (HTTPS_PROXY) does not let through: "
        "Tunnel connection failed: 407 Proxy Authentication Required."
    ]


def test_a_proxy_that_is_not_there(outside, fetching, make_proxy, monkeypatch):
    server, source = outside
    proxy = make_proxy(server.port)
    proxy.stop()
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    assert fetching.causes(source) == [
        "the proxy that the environment names (HTTPS_PROXY) does not let through: "
        "Connection refused."
    ]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[", "http://:x"])
def test_a_proxy_that_cannot_be_used(outside, fetching, monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert fetching.causes(outside[1]) == [
        "the proxy that the environment names (HTTPS_PROXY) cannot be used: expected "
        "http://HOST:PORT."
    ]


def test_a_man_in_the_middle_is_noticed_through_a_proxy(
    outside, fetching, make_proxy, make_server, monkeypatch
):
    other = trustme.CA()
    middle = make_server(context=context(other, "archive.invalid"))
    monkeypatch.setenv("HTTPS_PROXY", make_proxy(middle.port).address)
    assert fetching.causes(outside[1]) == [
        "its certificate is not accepted: unable to get local issuer certificate."
        + ADVICE
    ]
    assert middle.requests == []


def test_what_no_proxy_names_is_reached_without_one(
    outside, fetching, make_proxy, monkeypatch
):
    server, source = outside
    proxy = make_proxy(server.port)
    monkeypatch.setenv("HTTPS_PROXY", proxy.address)
    monkeypatch.setenv("NO_PROXY", "archive.invalid")
    assert fetching.causes(source)[0].startswith(
        "the name archive.invalid is not found"
    )
    assert proxy.asked == []


def test_loopback_goes_past_every_proxy(make_server, fetching, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:9")
    server = make_server()
    assert fetching(server.source) == server.url
