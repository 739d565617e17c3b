"""What a fetch tells while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cifarcnn.data.fetching.sources import Source


class FetchObserver:
    """Hears of each event and does nothing; subclass it to show or to record."""

    def source_opened(self, source: Source, done: int) -> None:
        """Bytes come from ``source``; ``done`` of them were there from before."""

    def bytes_arrived(self, done: int, total: int, rate: float) -> None:
        """So many of ``total`` bytes are there; ``rate`` is bytes per second now."""

    def pausing(self, source: Source, cause: str, seconds: float) -> None:
        """An attempt failed; the next one comes after a pause."""

    def source_left(self, source: Source, cause: str) -> None:
        """A source is given up, at least for now."""

    def restarted(self, source: Source) -> None:
        """What had come before cannot be gone on with; it begins anew."""

    def waiting_for_another(self, lock: Path) -> None:
        """Another process is fetching the same; this one waits for it."""

    def archive_placed(self, path: Path, url: str) -> None:
        """The archive is whole, checked, and at its place."""

    def remarked(self, sentence: str) -> None:
        """Something that the user should know."""
