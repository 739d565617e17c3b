"""Which addresses may be fetched from: encrypted ones, and this machine itself."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_LONGEST = 2000


def find_problem(url: str, *, loopback: bool) -> str | None:
    """Why ``url`` is not acceptable, or ``None`` when it is.

    Args:
        url: An address.
        loopback: Whether this machine itself may be meant, and then without
            encryption.
    """
    if len(url) > _LONGEST or not url.isprintable() or " " in url:
        return "it is not an address"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "it is not an address"
    if not host or port == 0:
        return "it is not an address"
    if parts.username is not None or parts.password is not None:
        return "it holds a user name or password, which would end up in logs"
    if is_loopback(host):
        if not loopback:
            return "it leads to this machine itself"
        return None if parts.scheme in ("https", "http") else "expected https://"
    return None if parts.scheme == "https" else "expected https://"


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
