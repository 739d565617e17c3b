"""One HTTP request at a time, and plain words for all that can go wrong with it.

Done with urllib3, which TensorFlow brings along anyway: unlike ``urllib.request`` it
tells apart why a connection failed, limits silence as well as connecting, hands over
bytes as they come, and notices a body that is shorter than announced.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Mapping
from errno import ECONNRESET
from functools import cache
from http.client import IncompleteRead
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
from urllib3 import (
    BaseHTTPResponse,
    PoolManager,
    ProxyManager,
    Retry,
    Timeout,
    make_headers,
)
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from cifarcnn.config.urls import find_problem, is_loopback
from cifarcnn.data.fetching.abortable_request import AbortableRequest
from cifarcnn.data.fetching.connection_errors import TEXT_LIMIT, explain_error
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import SourceError

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What a server says when it may well be able to answer a little later.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_FOR_EVER = 10**10  # seconds; a server may ask for any number


class Answer:
    """A server's answer, the body of which is still to be read.

    Attributes:
        status: 200, 206 or 416, once it is out of ``Client``.
        reason: The words beside it, which may be none.
        headers: As they came.
    """

    def __init__(
        self,
        response: BaseHTTPResponse,
        request: AbortableRequest,
        policy: RetryPolicy,
    ) -> None:
        self.status = response.status
        self.reason = response.reason or ""
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._request = request
        self._policy = policy

    def read(self, most: int) -> bytes:
        """The next bytes of the body as they come; none at its end.

        Nor are there any where a body ends that was announced to be longer.

        Raises:
            SourceError: The connection was reset, or no byte of the body comes.
        """
        seconds = self._policy.silence_seconds
        try:
            return self._request.wait_for(lambda: self._read(most), seconds)
        except TimeoutError:
            raise SourceError(f"nothing came for {seconds:g} s.") from None

    def close(self) -> None:
        """End the connection, also while a ``read`` waits for it."""
        self._request.abort()
        self._response.close()

    def _read(self, most: int) -> bytes:
        try:
            return self._response.read1(most, decode_content=False)
        except Exception as error:
            if any(isinstance(cause, IncompleteRead) for cause in error.args):
                return b""
            url = self._response.url or ""
            raise explain_error(error, url, self._policy) from None


class Client:
    """Makes requests, with certificates always checked."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._context = cache(_make_context)

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Ask for ``url`` and follow redirects; the body is still to be read.

        Args:
            url: Acceptable as it is.
            headers: To be sent beside the usual ones.

        Raises:
            SourceError: There is no answer with the status 200, 206 or 416; says why.
        """
        seen = {url}
        deadline = time.monotonic() + self._policy.answer_seconds
        for _ in range(self._policy.redirects + 1):
            answer = self._ask(url, headers, deadline - time.monotonic())
            if answer.status in (200, 206, 416):
                return answer
            answer.close()
            if answer.status not in _REDIRECTS:
                raise _refuse(answer, self._policy)
            url = _follow(url, answer.headers.get("Location", ""), seen)
        raise SourceError(
            f"it redirects more than {self._policy.redirects} times.", final=True
        )

    def _ask(self, url: str, headers: Mapping[str, str], seconds: float) -> Answer:
        request = AbortableRequest()
        try:
            response = request.wait_for(
                lambda: self._request(request, url, headers), seconds
            )
        except TimeoutError:
            request.abort()
            limit = self._policy.answer_seconds
            raise SourceError(f"no answer within {limit:g} s.") from None
        except BaseException:
            request.abort()
            raise
        return Answer(response, request, self._policy)

    def _request(
        self, request: AbortableRequest, url: str, headers: Mapping[str, str]
    ) -> BaseHTTPResponse:
        policy = self._policy
        sent = {"User-Agent": "cifarcnn", "Accept-Encoding": "identity", **headers}
        try:
            # Behind a proxy only TLS would look at it, and leave its socket open.
            (urlsplit(url).hostname or "").encode("idna")
            manager = _make_manager(_find_proxy(url), self._context())
            return request.watch(manager).request(
                "GET",
                url,
                headers=sent,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=Timeout(
                    connect=policy.connect_seconds, read=policy.silence_seconds
                ),
            )
        except SourceError:
            raise
        except Exception as error:
            raise explain_error(error, url, policy) from None


def _follow(url: str, target: str, seen: set[str]) -> str:
    """The address that ``target`` means, seen from ``url``; is added to ``seen``."""
    loopback = is_loopback(urlsplit(url).hostname or "")
    try:
        following = urljoin(url, target)
        fault = find_problem(following, loopback=loopback)
    except ValueError:
        fault = "it is not an address"
    if not target or fault is not None:
        raise SourceError(
            f"it redirects to {target!r:.{TEXT_LIMIT}}, which is not followed: "
            f"{fault or 'it is not an address'}.",
            final=True,
        )
    if following in seen:
        raise SourceError("it redirects in a circle.", final=True)
    seen.add(following)
    return following


def _refuse(answer: Answer, policy: RetryPolicy) -> SourceError:
    reason = answer.reason[:TEXT_LIMIT]
    shown = f" ({reason})" if reason and reason.isprintable() else ""
    cause = f"the server answers {answer.status}{shown}"
    if answer.status not in _PASSING:
        return SourceError(f"{cause}.", final=True)
    try:
        asked = answer.headers.get("Retry-After", "")
        seconds = Retry(retry_after_max=_FOR_EVER).parse_retry_after(asked)
    except (HTTPError, ValueError, OverflowError):
        seconds = None
    if seconds is not None and seconds > policy.longest_pause:
        cause = f"{cause} and asks to come back in {seconds:,.0f} s."
        return SourceError(cause, final=True)
    return SourceError(f"{cause}.", retry_after=seconds)


def _find_proxy(url: str) -> str | None:
    """The proxy that the environment (or the system) names for ``url``."""
    parts = urlsplit(url)
    # What this machine says to itself must not leave it.
    if is_loopback(parts.hostname or "") or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _make_manager(proxy: str | None, context: ssl.SSLContext) -> PoolManager:
    if proxy is None:
        return PoolManager(ssl_context=context)
    try:
        parts = parse_url(proxy if "://" in proxy else f"http://{proxy}")
        return ProxyManager(
            f"{parts.scheme}://{parts.netloc}",
            proxy_headers=make_headers(proxy_basic_auth=parts.auth or None),
            ssl_context=context,
            proxy_ssl_context=context,
        )
    except (HTTPError, ValueError, AssertionError):
        raise SourceError(
            "the proxy that the environment names (HTTPS_PROXY) cannot be used: "
            "expected http://HOST:PORT.",
            final=True,
        ) from None


class _TLSSocket(ssl.SSLSocket):
    """Closed where the connection broke before TLS could begin.

    That is what ``wrap_socket`` asks first, and some Pythons (3.11.7) then leave the
    socket to the garbage collector.
    """

    def getpeername(self) -> Any:
        try:
            return super().getpeername()
        except OSError:
            self.close()
            raise ConnectionResetError(ECONNRESET, os.strerror(ECONNRESET)) from None


def _make_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.sslsocket_class = _TLSSocket
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        # Beside the system's own: some Pythons (python.org's for macOS) have none.
        context.load_verify_locations(certifi.where())
    return context
