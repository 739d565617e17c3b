"""One attempt to bring an archive from one source, from where the last one stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from cifarcnn.data.cifar.facts import Archive
from cifarcnn.data.fetching.client import Answer, Client
from cifarcnn.data.fetching.partial_file import FileVersion, PartialFile
from cifarcnn.data.fetching.retry_policy import RateMeter, RetryPolicy
from cifarcnn.data.fetching.sources import ArchiveSource, FetchObserver, SourceError

_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
_SECONDS_BETWEEN_NEWS = 0.1


@dataclass(frozen=True)
class Download:
    """Brings a partial file to its full size; what the bytes are is not looked at.

    Attributes:
        source: Where they come from.
        partial: What is there already is gone on with, when the source still has the
            same version and can send a range; else it begins anew.
        client: Makes the request.
        policy: Its bounds.
        floor: Bytes per second below which it ends.
        observer: Told as bytes come.
    """

    source: ArchiveSource
    partial: PartialFile
    client: Client
    policy: RetryPolicy
    floor: float
    observer: FetchObserver

    def run(self) -> bool:
        """Ask for the bytes that are missing and write them as they come.

        Returns:
            Whether it was gone on with, and so came in pieces.

        Raises:
            SourceError: It did not succeed. What came stays in ``partial``.
            DataError: The bytes cannot be written to the disk.
        """
        partial, version = self.partial, self.partial.version()
        headers = {}
        if version is not None and version.condition is not None:
            headers["Range"] = f"bytes={partial.length}-"
            # Sends the whole file in place of a range of another version (RFC 9110,
            # 13.1.5).
            headers["If-Range"] = version.condition
        answer = self.client.get(self.source.url, headers)
        try:
            pieced = version is not None and answer.status == 206
            if version is not None and pieced:
                self._check_range(version, answer)
            else:
                _check_whole(self.source.archive, partial, answer)
                if partial.length:
                    self.observer.noted(
                        f"{self.source.host} has another version now, or cannot send "
                        "the rest alone: it begins anew"
                    )
                partial.begin(_read_version(self.source, answer))
            self.observer.source_opened(self.source, partial.length)
            self._copy(answer)
        finally:
            answer.close()
        return pieced

    def _check_range(self, version: FileVersion, answer: Answer) -> None:
        size = self.source.archive.size
        now = _read_version(self.source, answer)
        same = (now.etag or version.etag) == version.etag and (
            (now.modified or version.modified) == version.modified
        )
        found = answer.headers.get("Content-Range", "").strip()
        if found != f"bytes {self.partial.length}-{size - 1}/{size}" or not same:
            self.partial.discard()
            raise SourceError("it sent another part of the file than was asked for.")

    def _read(self, answer: Answer, left: int) -> bytes:
        try:
            # One byte more than is left, so that a file that is longer shows itself.
            return answer.read(min(_CHUNK, left + 1))
        except SourceError:
            if left:
                raise
            return b""  # only the end of the answer is amiss: the checksum decides

    def _copy(self, answer: Answer) -> None:
        size, done = self.source.archive.size, self.partial.length
        told = time.monotonic()
        meter = RateMeter(self.policy.rate_seconds, told)
        while data := self._read(answer, size - done):
            _check_bytes(self.partial, size, data, done)
            self.partial.append(data)
            done += len(data)
            now = time.monotonic()
            meter.add(len(data), now)
            rate = meter.rate(now)
            if now - told >= _SECONDS_BETWEEN_NEWS or done == size:
                told = now
                self.observer.bytes_arrived(done, size, rate)
            if meter.is_settled(now):
                _check_rate(self.policy, self.floor, rate, size - done)
        if done < size:
            raise SourceError(
                f"the connection was cut after {done:,} of {size:,} bytes."
            )


def _check_whole(archive: Archive, partial: PartialFile, answer: Answer) -> None:
    if answer.status != 200:
        partial.discard()
        raise SourceError("it cannot send the rest of the file.")
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind.endswith(("html", "xml", "json")):
        raise _page_error(kind)
    length, size = answer.headers.get("Content-Length"), archive.size
    if length is not None and length != str(size):
        raise SourceError(
            f"it announces {length!r:.30} bytes, expected {size:,}: it is another "
            "file.",
            final=True,
        )


def _check_bytes(partial: PartialFile, size: int, data: bytes, done: int) -> None:
    if done == 0 and not data.startswith(_GZIP[: len(data)]):
        partial.discard()
        if data.lstrip()[:1] == b"<":
            raise _page_error("")
        raise SourceError(
            "it sent something that is not a .tar.gz archive.", final=True
        )
    if done + len(data) > size:
        partial.discard()
        raise SourceError(
            f"it sends more than {size:,} bytes: it is another file.", final=True
        )


def _check_rate(policy: RetryPolicy, floor: float, rate: float, left: int) -> None:
    if rate < policy.crawl_rate:
        floor = policy.crawl_rate
    elif rate >= floor or left <= rate * policy.patient_seconds:
        return
    raise SourceError(
        f"it is slow: {rate / 1000:,.0f} kB/s, less than {floor / 1000:,.0f} kB/s.",
        rate=rate,
    )


def _page_error(kind: str) -> SourceError:
    shown = f" ({kind:.60})" if kind.isprintable() and kind else ""
    return SourceError(
        f"it sent a page{shown} in place of the archive. A network that wants you to "
        "log in first does that; so does a server in trouble.",
        final=True,
    )


def _read_version(source: ArchiveSource, answer: Answer) -> FileVersion:
    etag = answer.headers.get("ETag", "").strip()
    modified = answer.headers.get("Last-Modified", "").strip()
    strong = etag.startswith('"') and etag.endswith('"') and 2 < len(etag) <= 200
    return FileVersion(
        url=source.url,
        # A weak tag (W/"...") may be the same for other bytes.
        etag=etag if strong and etag.isprintable() else None,
        modified=modified if _is_strong(modified, answer) else None,
    )


def _is_strong(modified: str, answer: Answer) -> bool:
    """Whether a date tells versions apart: it must lie a second back (8.8.2.2)."""
    date = answer.headers.get("Date", "")
    if max(len(modified), len(date)) > 100 or not modified.isprintable():
        return False
    try:
        age = parsedate_to_datetime(date) - parsedate_to_datetime(modified)
        return age.total_seconds() >= 1
    except (ValueError, TypeError, OverflowError):
        return False
