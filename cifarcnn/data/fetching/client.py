"""One HTTP request at a time, and plain words for all that can go wrong with it.

Done with urllib3, which TensorFlow brings along anyway: unlike ``urllib.request`` it
tells apart why a connection failed, limits silence as well as connecting, hands over
bytes as they come, and notices a body that is shorter than announced.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from concurrent.futures import Future
from functools import cache
from http.client import IncompleteRead
from threading import Thread
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout, make_headers
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from cifarcnn.config.urls import find_problem, is_loopback
from cifarcnn.data.fetching.connection_errors import TEXT_LIMIT, explain_error
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import SourceError

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What a server says when it may well be able to answer a little later.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Client:
    """Makes requests, with certificates always checked."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._context = cache(_make_context)

    def get(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Ask for ``url`` and follow redirects; the body is still to be read.

        Args:
            url: Acceptable as it is.
            headers: To be sent beside the usual ones.

        Returns:
            An answer with the status 200, 206 or 416.

        Raises:
            SourceError: There is no such answer; says why.
        """
        seen = {url}
        for _ in range(self._policy.redirects + 1):
            response = self._ask(url, headers)
            if response.status not in _REDIRECTS:
                return _accept(response, self._policy)
            target = response.headers.get("Location", "")
            response.close()
            url = self._follow(url, target, seen)
        raise SourceError(
            f"it redirects more than {self._policy.redirects} times.", final=True
        )

    def read(self, response: BaseHTTPResponse, most: int) -> bytes:
        """The next bytes of the body as they come; none at its end.

        Nor are there any where a body ends that was announced to be longer.

        Raises:
            SourceError: The connection was reset, or is silent.
        """
        try:
            return response.read1(most, decode_content=False)
        except (HTTPError, OSError) as error:
            if any(isinstance(cause, IncompleteRead) for cause in error.args):
                return b""
            raise explain_error(error, response.url or "", self._policy) from None

    def _follow(self, url: str, target: str, seen: set[str]) -> str:
        following = urljoin(url, target)
        loopback = is_loopback(urlsplit(url).hostname or "")
        fault = find_problem(following, loopback=loopback)
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

    def _ask(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        # In a thread of its own: a name server has no limit of time, and the limit of
        # a connection begins anew with every byte of a slow answer's head.
        answer: Future[BaseHTTPResponse] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._request(url, headers))
            except BaseException as error:
                answer.set_exception(error)

        Thread(target=ask, daemon=True).start()
        seconds = self._policy.answer_seconds
        try:
            return answer.result(timeout=seconds)
        except TimeoutError:
            answer.add_done_callback(_close)
            raise SourceError(f"no answer within {seconds:g} s.") from None

    def _request(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        policy = self._policy
        sent = {"User-Agent": "cifarcnn", "Accept-Encoding": "identity", **headers}
        try:
            return _make_manager(_find_proxy(url), self._context()).request(
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
        except (HTTPError, OSError, ValueError) as error:
            raise explain_error(error, url, policy) from None


def _close(answer: Future[BaseHTTPResponse]) -> None:
    if answer.exception() is None:
        answer.result().close()


def _accept(response: BaseHTTPResponse, policy: RetryPolicy) -> BaseHTTPResponse:
    status = response.status
    if status in (200, 206, 416):
        return response
    asked = response.headers.get("Retry-After", "")
    response.close()
    reason = f" ({response.reason})" if (response.reason or "").isprintable() else ""
    cause = f"the server answers {status}{reason:.{TEXT_LIMIT}}"
    seconds = float(asked) if asked.isdecimal() and len(asked) < 10 else None
    if status not in _PASSING:
        raise SourceError(f"{cause}.", final=True)
    if seconds is not None and seconds > policy.longest_pause:
        cause = f"{cause} and asks to come back in {seconds:,.0f} s."
        raise SourceError(cause, final=True)
    raise SourceError(f"{cause}.", retry_after=seconds)


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


def _make_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        # Beside the system's own: some Pythons (python.org's for macOS) have none.
        context.load_verify_locations(certifi.where())
    return context
