"""What urllib3 and the system raise about a connection, in plain words."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from urllib3 import exceptions as known

from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import SourceError

TEXT_LIMIT = 200
_DEEPEST = 5  # of errors that hold one another


def explain_error(error: Exception, url: str, policy: RetryPolicy) -> SourceError:
    """The failure of a source that stands for ``error``."""
    host = urlsplit(url).hostname or "the server"
    inner = error.original_error if isinstance(error, known.ProxyError) else error
    for cause in _causes(inner):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceError(
                f"its certificate is not accepted: {cause.verify_message.rstrip('.')}"
                ". Is the date of this machine right? Behind a company's proxy, let "
                "the environment variable SSL_CERT_FILE name the file with the "
                "company's certificates. The check is never left out.",
                final=True,
            )
    if isinstance(error, known.ProxyError):
        return SourceError(
            "the proxy that the environment names (HTTPS_PROXY) does not let through: "
            f"{_describe(inner)}.",
            unreachable=True,
        )
    if isinstance(error, known.NameResolutionError):
        return SourceError(
            f"the name {host} is not found: is this machine connected to a network, "
            "and does it need a proxy (HTTPS_PROXY)?",
            unreachable=True,
        )
    if isinstance(error, known.NewConnectionError):
        return SourceError(
            f"no connection to {host}: {_describe(error)}.", unreachable=True
        )
    if isinstance(error, known.ConnectTimeoutError):
        return SourceError(
            f"no connection to {host} within {policy.connect_seconds:g} s.",
            unreachable=True,
        )
    if isinstance(error, known.ReadTimeoutError | TimeoutError):
        return SourceError(f"nothing came for {policy.silence_seconds:g} s.")
    if isinstance(error, known.SSLError | ssl.SSLError):
        return SourceError(f"no secure connection to {host}: {_describe(error)}.")
    if isinstance(error, known.LocationValueError | UnicodeError):
        return SourceError(f"{host!r:.60} cannot be the name of a server.", final=True)
    if isinstance(error, OSError | known.ProtocolError) and any(
        isinstance(cause, OSError) for cause in _causes(error)
    ):
        return SourceError(f"the connection was cut: {_describe(error)}.")
    return SourceError(f"its answer cannot be read: {_describe(error)}.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, the one that it holds, and so on."""
    for _ in range(_DEEPEST):
        yield error
        inner = error.__cause__ or (error.args[-1] if error.args else None)
        if not isinstance(inner, BaseException):
            return
        error = inner


def _describe(error: BaseException) -> str:
    """The innermost words of an error, without addresses of objects."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[:TEXT_LIMIT]
    text = str(cause.args[-1] if cause.args else cause) or type(cause).__name__
    text = text.rpartition(": ")[2] if "object at 0x" in text else text
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return shown[:TEXT_LIMIT].rstrip(".")
