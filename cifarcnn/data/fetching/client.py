"""One HTTP request at a time, and plain words for all that can go wrong with it.

Done with urllib3, which TensorFlow brings along anyway: unlike ``urllib.request`` it
tells apart why a connection failed, limits silence as well as connecting, hands over
bytes as they come, and notices a body that is shorter than announced.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from cifarcnn.config.urls import find_problem, is_loopback
from cifarcnn.data.fetching.failures import SourceFailure
from cifarcnn.data.fetching.retry_policy import Patience

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What a server says when it may well be able to answer a little later.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_TEXT_LIMIT = 200


class Client:
    """Makes requests, with certificates always checked."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._context: ssl.SSLContext | None = None

    def get(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Ask for ``url`` and follow redirects; the body is still to be read.

        Args:
            url: Acceptable as it is.
            headers: To be sent beside the usual ones.

        Returns:
            An answer with the status 200, 206 or 416.

        Raises:
            SourceFailure: There is no such answer; says why.
        """
        seen = {url}
        for _ in range(self._patience.redirects + 1):
            response = self._ask(url, headers)
            if response.status not in _REDIRECTS:
                return self._accept(response)
            target = response.headers.get("Location", "")
            response.close()
            url = self._follow(url, target, seen)
        raise SourceFailure(
            f"it redirects more than {self._patience.redirects} times.", final=True
        )

    def read(self, response: BaseHTTPResponse, most: int) -> bytes:
        """The next bytes of the body as they come; none at its end.

        Nor are there any where a body ends that was announced to be longer.

        Raises:
            SourceFailure: The connection was reset, or is silent.
        """
        from http.client import IncompleteRead

        from urllib3.exceptions import HTTPError

        try:
            return response.read1(most, decode_content=False)
        except (HTTPError, OSError) as error:
            if any(isinstance(cause, IncompleteRead) for cause in error.args):
                return b""
            raise self._explain(error, response.url or "", None) from None

    def _follow(self, url: str, target: str, seen: set[str]) -> str:
        following = urljoin(url, target)
        loopback = is_loopback(urlsplit(url).hostname or "")
        fault = find_problem(following, loopback=loopback)
        if not target or fault is not None:
            raise SourceFailure(
                f"it redirects to {target!r:.{_TEXT_LIMIT}}, which is not followed: "
                f"{fault or 'it is not an address'}.",
                final=True,
            )
        if following in seen:
            raise SourceFailure("it redirects in a circle.", final=True)
        seen.add(following)
        return following

    def _ask(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        # In a thread of its own: a name server has no limit of time, and the limit of
        # a connection begins anew with every byte of a slow answer's head.
        outcomes: SimpleQueue[BaseHTTPResponse | BaseException] = SimpleQueue()
        late = Event()

        def ask() -> None:
            try:
                response = self._request(url, headers)
            except BaseException as error:
                outcomes.put(error)
                return
            outcomes.put(response)
            if late.is_set():
                response.close()

        Thread(target=ask, daemon=True).start()
        seconds = self._patience.answer_seconds
        try:
            outcome = outcomes.get(timeout=seconds)
        except Empty:
            late.set()
            raise SourceFailure(f"no answer within {seconds:g} s.") from None
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _request(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        patience, proxy = self._patience, _find_proxy(url)
        sent = {"User-Agent": "cifarcnn", "Accept-Encoding": "identity", **headers}
        try:
            return self._manager(proxy).request(
                "GET",
                url,
                headers=sent,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=Timeout(
                    connect=patience.connect_seconds, read=patience.silence_seconds
                ),
            )
        except (HTTPError, OSError, ValueError) as error:
            raise self._explain(error, url, proxy) from None

    def _manager(self, proxy: str | None) -> PoolManager:
        from urllib3 import PoolManager, ProxyManager, make_headers
        from urllib3.exceptions import HTTPError
        from urllib3.util import parse_url

        if self._context is None:
            self._context = _make_context()
        if proxy is None:
            return PoolManager(ssl_context=self._context)
        try:
            parts = parse_url(proxy if "://" in proxy else f"http://{proxy}")
            plain = f"{parts.scheme}://{parts.netloc}"
            headers = make_headers(proxy_basic_auth=parts.auth) if parts.auth else {}
            return ProxyManager(
                plain,
                proxy_headers=headers,
                ssl_context=self._context,
                proxy_ssl_context=self._context,
            )
        except (HTTPError, ValueError, AssertionError):
            raise SourceFailure(
                "the proxy that the environment names (HTTPS_PROXY) cannot be used: "
                "expected http://HOST:PORT.",
                final=True,
            ) from None

    def _accept(self, response: BaseHTTPResponse) -> BaseHTTPResponse:
        status = response.status
        if status in (200, 206, 416):
            return response
        asked = response.headers.get("Retry-After", "")
        response.close()
        reason = (
            f" ({response.reason})" if (response.reason or "").isprintable() else ""
        )
        if status not in _PASSING:
            raise SourceFailure(
                f"the server answers {status}{reason:.{_TEXT_LIMIT}}.", final=True
            )
        seconds = float(asked) if asked.isdecimal() and len(asked) < 10 else None
        if seconds is not None and seconds > self._patience.longest_pause:
            raise SourceFailure(
                f"the server answers {status}{reason:.{_TEXT_LIMIT}} and asks to come "
                f"back in {seconds:,.0f} s.",
                final=True,
            )
        raise SourceFailure(
            f"the server answers {status}{reason:.{_TEXT_LIMIT}}.", retry_after=seconds
        )

    def _explain(self, error: Exception, url: str, proxy: str | None) -> SourceFailure:
        """The failure that stands for what urllib3 or the system raised."""
        from urllib3 import exceptions as known

        host = urlsplit(url).hostname or "the server"
        if isinstance(error, known.ProxyError):
            inner = error.original_error
            certificate = _find_verification(inner)
            if certificate is not None:
                return _refused_certificate(certificate)
            return SourceFailure(
                "the proxy that the environment names (HTTPS_PROXY) does not let "
                f"through: {_plain(inner)}.",
                unreachable=True,
            )
        certificate = _find_verification(error)
        if certificate is not None:
            return _refused_certificate(certificate)
        if isinstance(error, known.NameResolutionError):
            return SourceFailure(
                f"the name {host} is not found: is this machine connected to a "
                "network, and does it need a proxy (HTTPS_PROXY)?",
                unreachable=True,
            )
        if isinstance(error, known.NewConnectionError):
            return SourceFailure(
                f"no connection to {host}: {_plain(error)}.", unreachable=True
            )
        if isinstance(error, known.ConnectTimeoutError):
            return SourceFailure(
                f"no connection to {host} within {self._patience.connect_seconds:g} s.",
                unreachable=True,
            )
        if isinstance(error, known.ReadTimeoutError | TimeoutError):
            return SourceFailure(
                f"nothing came for {self._patience.silence_seconds:g} s."
            )
        if isinstance(error, known.SSLError | ssl.SSLError):
            return SourceFailure(f"no secure connection to {host}: {_plain(error)}.")
        return SourceFailure(f"the connection was cut: {_plain(error)}.")


def _find_proxy(url: str) -> str | None:
    """The proxy that the environment (or the system) names for ``url``."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    # What this machine says to itself must not leave it.
    if is_loopback(host) or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _make_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        # Beside the system's own: some Pythons (python.org's for macOS) have none.
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _find_verification(
    error: BaseException | None,
) -> ssl.SSLCertVerificationError | None:
    """The refusal of a certificate that lies behind ``error``, if one does."""
    for _ in range(5):
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error
        inner = error.args[-1] if error.args else None
        error = inner if isinstance(inner, BaseException) else None
    return None


def _refused_certificate(error: ssl.SSLCertVerificationError) -> SourceFailure:
    return SourceFailure(
        f"its certificate is not accepted: {error.verify_message.rstrip('.')}. Is the "
        "date of this machine right? Behind a company's proxy, let the environment "
        "variable SSL_CERT_FILE name the file with the company's certificates. The "
        "check is never left out.",
        final=True,
    )


def _plain(error: BaseException) -> str:
    """The innermost words of an error, without addresses of objects."""
    for _ in range(5):
        if isinstance(error, OSError) and error.strerror:
            return error.strerror[:_TEXT_LIMIT]
        inner = error.__cause__ or (error.args[-1] if error.args else None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    text = str(error.args[-1] if error.args else error) or type(error).__name__
    text = text.rpartition(": ")[2] if "object at 0x" in text else text
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return shown[:_TEXT_LIMIT].rstrip(".")
