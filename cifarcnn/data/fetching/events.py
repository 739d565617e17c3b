"""What a fetch tells while it runs, and why a source fails."""

from __future__ import annotations

from pathlib import Path

from cifarcnn.data.fetching.sources import ArchiveSource


class FetchObserver:
    """Hears of each event and does nothing; subclass it to show or to record."""

    def source_opened(self, source: ArchiveSource, done: int) -> None:
        """Bytes come from ``source``; ``done`` of them were there from before."""

    def bytes_arrived(self, done: int, total: int, rate: float) -> None:
        """So many of ``total`` bytes are there; ``rate`` is bytes per second now."""

    def archive_placed(self, path: Path, url: str) -> None:
        """The archive is whole, checked, and at its place."""

    def noted(self, sentence: str) -> None:
        """Something that the user should know, such as a pause or a source left."""


class SourceError(Exception):
    """One source failed; another one, or another attempt, may not.

    What is wrong on this machine is a ``DataError``.

    Attributes:
        cause: For the user, a sentence without the address.
        final: Whether it would fail again in the same way.
        unreachable: Whether there was not even a connection.
        retry_after: Seconds that the server asked for, or ``None``.
        rate: Bytes per second, where it gave less than it should, or ``None``.
    """

    def __init__(
        self,
        cause: str,
        *,
        final: bool = False,
        unreachable: bool = False,
        retry_after: float | None = None,
        rate: float | None = None,
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.final = final
        self.unreachable = unreachable
        self.retry_after = retry_after
        self.rate = rate
