"""From a list of sources to an archive at its place, whole and checked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from cifarcnn.data.cifar.facts import Archive
from cifarcnn.data.fetching.client import Client
from cifarcnn.data.fetching.download import Download
from cifarcnn.data.fetching.partial_file import (
    PartialFile,
    find_archive_problem,
    is_there_already,
    remove_partial_files,
)
from cifarcnn.data.fetching.retry_policy import RetryPolicy
from cifarcnn.data.fetching.sources import ArchiveSource, FetchObserver, SourceError
from cifarcnn.errors import DataError

# An attempt that brought at least this much is no failure in a row.
_PROGRESS = 64 * 1024


class AllSourcesFailed(DataError):
    """No source gave the archive.

    Attributes:
        causes: Why, a line for each source in the order in which they were tried.
    """

    def __init__(self, causes: dict[str, str]) -> None:
        self.causes = "\n".join(f"  {url}: {why}" for url, why in causes.items())
        super().__init__(f"no source gave the archive:\n{self.causes}")


def fetch_archive(
    sources: Sequence[ArchiveSource],
    folder: Path,
    *,
    policy: RetryPolicy,
    observer: FetchObserver,
) -> tuple[Path, str | None]:
    """Have one of the archives of ``sources`` in ``folder``.

    What is at its place is always whole and has the right checksum: the bytes come
    into another file, which is checked and then renamed. A fetch that ended in the
    middle, whatever ended it, is gone on with. Two processes take turns.

    Args:
        sources: In the order in which they are tried, one at least. One that is
            slower than ``policy.floor_rate`` is left for the next; when none is
            faster, the fastest is taken.
        folder: Is made when it is not there.
        policy: The bounds.
        observer: Told about every step.

    Returns:
        The archive, and the address it came from; ``None`` when it was there.

    Raises:
        AllSourcesFailed: No source gave it.
        DataError: Another file stands in its place; there is no room; or the folder
            cannot be written.
    """
    archives = list(dict.fromkeys(source.archive for source in sources))
    with locked(folder, archives[0], policy, observer):
        for archive in archives:
            if is_there_already(folder / archive.name, archive):
                return folder / archive.name, None
        source = _Fetch(sources, folder, policy, observer, Client(policy)).run()
        for archive in archives:
            remove_partial_files(folder, archive)
        return folder / source.archive.name, source.url


def locked(
    folder: Path, archive: Archive, policy: RetryPolicy, observer: FetchObserver
) -> AbstractContextManager[object]:
    """Hold the lock of ``archive`` in ``folder`` until the end of a ``with``.

    The folder is made where it is not there.

    The system frees it when a process is killed.

    Raises:
        DataError: The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror}.") from None
    lock = FileLock(folder / f"{archive.name}.lock")
    try:
        try:
            return lock.acquire(blocking=False)
        except Timeout:
            observer.noted(f"another process is fetching into {folder}; waiting")
            return lock.acquire(poll_interval=policy.lock_seconds)
    except (OSError, NotImplementedError) as error:
        raise DataError(
            f"{folder} cannot be written: "
            f"{getattr(error, 'strerror', None) or error}. Choose another folder with "
            "--to DIR or the environment variable CIFARCNN_CACHE."
        ) from None


@dataclass
class _Fetch:
    """Two rounds over the sources: first for a fast one, then for any at all.

    Attributes:
        moved: When an attempt last brought bytes, by ``time.monotonic``.
    """

    sources: Sequence[ArchiveSource]
    folder: Path
    policy: RetryPolicy
    observer: FetchObserver
    client: Client
    moved: float = field(default_factory=time.monotonic)

    def run(self) -> ArchiveSource:
        """The source that gave the archive, which is then at its place."""
        causes: dict[str, str] = {}
        left = [(0.0, source) for source in self.sources]
        # The only source may be slow from the start.
        floors = (self.policy.floor_rate if len(left) > 1 else 0.0, 0.0)
        for last_round, floor in enumerate(floors):
            if last_round and self._is_stalled():
                break
            if last_round and left:
                time.sleep(self.policy.pause(1, None))
            remaining = []
            for _, source in left:
                try:
                    self._exhaust(source, floor)
                    return source
                except SourceError as error:
                    causes[source.url] = error.cause
                    if not last_round:  # else the last words say it all
                        words = f"{source.host}: {error.cause} Left for now"
                        self.observer.noted(words)
                    if not error.final:
                        remaining.append((error.rate or 0.0, source))
            left = sorted(remaining, key=lambda one: -one[0])
        raise AllSourcesFailed(causes)

    def _exhaust(self, source: ArchiveSource, floor: float) -> None:
        """Try one source until it has given everything, or up to the limit.

        Raises:
            SourceError: It has not; the last reason why.
        """
        policy, partial = self.policy, PartialFile(self.folder, source)
        failures, most, proven = 0, partial.length, False
        while True:
            before = partial.length
            try:
                self._attempt(source, partial, floor)
                return
            except SourceError as error:
                if partial.length != before:
                    self.moved = time.monotonic()
                # Against the most there ever was: a server that keeps starting over
                # must not keep this going for ever.
                progress = partial.length - most >= _PROGRESS
                proven = proven or progress
                failures = 1 if progress else failures + 1
                most = max(most, partial.length)
                # What was reached before is waited for; else the next may be nearer.
                away = error.unreachable and not proven
                slow = error.rate is not None
                worn = failures >= policy.tries or self._is_stalled()
                if error.final or slow or away or worn:
                    raise
                pause = policy.pause(failures, error.retry_after)
                words = f"{source.host}: {error.cause} Once more in {pause:.0f} s"
                self.observer.noted(words)
                time.sleep(pause)

    def _is_stalled(self) -> bool:
        return time.monotonic() - self.moved > self.policy.stalled_seconds

    def _attempt(
        self, source: ArchiveSource, partial: PartialFile, floor: float
    ) -> None:
        pieced = partial.length > 0
        if not partial.is_whole or partial.version() is None:
            self._make_room(source, partial)
            pieced = Download(
                source, partial, self.client, self.policy, floor, self.observer
            ).run()
        problem = find_archive_problem(partial.path, source.archive)
        if problem is not None:
            partial.discard()
            # What came in pieces may have suffered on this machine: once more, then.
            raise SourceError(
                f"what it sent is not the official archive: {problem}.",
                final=not pieced,
            )
        target = self.folder / source.archive.name
        partial.place(target)
        self.observer.archive_placed(target, source.url)

    def _make_room(self, current: ArchiveSource, partial: PartialFile) -> None:
        try:
            partial.check_room()
        except DataError:
            # Parts from other sources may be what fills the disk.
            for source in self.sources:
                if source != current:
                    PartialFile(self.folder, source).discard()
            partial.check_room()
