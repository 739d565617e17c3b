"""One attempt to bring an archive from one source, from where the last one stopped."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from cifarcnn.data.fetching.client import Client
from cifarcnn.data.fetching.failures import SourceFailure, TooSlow
from cifarcnn.data.fetching.observer import FetchObserver
from cifarcnn.data.fetching.partial_file import Part, Version
from cifarcnn.data.fetching.retry_policy import Patience, RateMeter
from cifarcnn.data.fetching.sources import Source

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
_SECONDS_BETWEEN_NEWS = 0.1


def transfer(
    source: Source,
    part: Part,
    client: Client,
    *,
    patience: Patience,
    floor: float,
    observer: FetchObserver,
) -> bool:
    """Bring ``part`` to its full size; what the bytes are is not looked at.

    Args:
        source: Where they come from.
        part: What is there already is gone on with, when the source still has the
            same version and can send a range; else it begins anew.
        client: Makes the request.
        patience: Its bounds.
        floor: Bytes per second below which the attempt ends.
        observer: Told as bytes come.

    Returns:
        Whether it was gone on with, and so came in pieces.

    Raises:
        SourceFailure: It did not succeed. What came stays in ``part``.
        DataError: The bytes cannot be written to the disk.
    """
    version = part.version()
    headers = {}
    if version is not None and version.condition is not None:
        headers["Range"] = f"bytes={part.length}-"
        # Sends the whole file instead of a range of another version (RFC 9110, 13.1.5).
        headers["If-Range"] = version.condition
    response = client.get(source.url, headers)
    try:
        pieced = version is not None and response.status == 206
        if version is not None and pieced:
            _check_range(source, part, version, response)
        else:
            _check_whole(source, part, response)
            if part.length:
                observer.restarted(source)
            part.begin(_version(source, response))
        observer.source_opened(source, part.length)
        _copy(source, part, client, response, patience, floor, observer)
    finally:
        response.close()
    return pieced


def _check_range(
    source: Source, part: Part, version: Version, response: BaseHTTPResponse
) -> None:
    found = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", found.strip())
    size = source.archive.size
    right = match is not None and match.groups() == (
        str(part.length),
        str(size - 1),
        str(size),
    )
    now = _version(source, response)
    same = (now.etag or version.etag) == version.etag and (
        (now.modified or version.modified) == version.modified
    )
    if not right or not same:
        part.discard()
        raise SourceFailure("it sent another part of the file than was asked for.")


def _check_whole(source: Source, part: Part, response: BaseHTTPResponse) -> None:
    if response.status != 200:
        part.discard()
        raise SourceFailure("it cannot send the rest of the file.")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind.endswith(("html", "xml", "json")):
        raise _page(kind)
    length = response.headers.get("Content-Length")
    if length is not None and length != str(source.archive.size):
        raise SourceFailure(
            f"it announces {length!r:.30} bytes, expected {source.archive.size:,}: it "
            "is another file.",
            final=True,
        )


def _page(kind: str) -> SourceFailure:
    shown = f" ({kind:.60})" if kind.isprintable() and kind else ""
    return SourceFailure(
        f"it sent a page{shown} in place of the archive. A network that wants you to "
        "log in first does that; so does a server in trouble.",
        final=True,
    )


def _version(source: Source, response: BaseHTTPResponse) -> Version:
    etag = response.headers.get("ETag", "").strip()
    modified = response.headers.get("Last-Modified", "").strip()
    strong = etag.startswith('"') and etag.endswith('"') and 2 < len(etag) <= 200
    return Version(
        url=source.url,
        # A weak tag (W/"...") may be the same for other bytes.
        etag=etag if strong and etag.isprintable() else None,
        modified=modified if _is_strong(modified, response) else None,
    )


def _is_strong(modified: str, response: BaseHTTPResponse) -> bool:
    """Whether a date tells versions apart: it must lie a second back (8.8.2.2)."""
    try:
        changed = parsedate_to_datetime(modified)
        now = parsedate_to_datetime(response.headers.get("Date", ""))
        return len(modified) <= 100 and (now - changed).total_seconds() >= 1
    except (ValueError, TypeError, OverflowError):
        return False


def _copy(
    source: Source,
    part: Part,
    client: Client,
    response: BaseHTTPResponse,
    patience: Patience,
    floor: float,
    observer: FetchObserver,
) -> None:
    size, done = source.archive.size, part.length
    start = time.monotonic()
    meter, told = RateMeter(patience.rate_seconds, start), start
    while True:
        # One byte more than is left, so that a file that is longer shows itself.
        data = client.read(response, min(_CHUNK, size - done + 1))
        if not data:
            break
        if done == 0 and not data.startswith(_GZIP[: len(data)]):
            part.discard()
            raise (
                _page("")
                if data.lstrip()[:1] == b"<"
                else SourceFailure(
                    "it sent something that is not a .tar.gz archive.", final=True
                )
            )
        if done + len(data) > size:
            part.discard()
            raise SourceFailure(
                f"it sends more than {size:,} bytes: it is another file.", final=True
            )
        part.append(data)
        done += len(data)
        now = time.monotonic()
        meter.add(len(data), now)
        rate = meter.rate(now)
        if now - told >= _SECONDS_BETWEEN_NEWS or done == size:
            told = now
            observer.bytes_arrived(done, size, rate)
        if meter.is_settled(now):
            _check_rate(rate, size - done, patience, floor)
    if done < size:
        raise SourceFailure(f"the connection was cut after {done:,} of {size:,} bytes.")


def _check_rate(rate: float, left: int, patience: Patience, floor: float) -> None:
    if rate < patience.crawl_rate:
        raise TooSlow(rate, patience.crawl_rate)
    if rate < floor and left > rate * patience.patient_seconds:
        raise TooSlow(rate, floor)
