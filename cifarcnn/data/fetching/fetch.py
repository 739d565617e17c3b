"""From a list of sources to an archive at its place, whole and checked."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cifarcnn.data.cifar.facts import Archive
from cifarcnn.data.fetching.client import Client
from cifarcnn.data.fetching.download import transfer
from cifarcnn.data.fetching.failures import SourceFailure, TooSlow
from cifarcnn.data.fetching.observer import FetchObserver
from cifarcnn.data.fetching.partial_file import Part, find_archive_fault, remove_parts
from cifarcnn.data.fetching.retry_policy import Patience
from cifarcnn.data.fetching.sources import Source
from cifarcnn.errors import DataError

# An attempt that brought at least this much is no failure in a row.
_PROGRESS = 64 * 1024


class AllSourcesFailed(DataError):
    """No source gave the archive.

    Attributes:
        causes: Why, for each source in the order in which they were tried.
    """

    def __init__(self, causes: dict[str, str]) -> None:
        self.causes = causes
        super().__init__("".join(f"\n  {url}: {why}" for url, why in causes.items()))


def fetch_archive(
    sources: Sequence[Source],
    folder: Path,
    *,
    patience: Patience,
    observer: FetchObserver,
) -> tuple[Path, str | None]:
    """Have one of the archives of ``sources`` in ``folder``.

    What is at its place is always whole and has the right checksum: the bytes come
    into another file, which is checked and then renamed. A fetch that ended in the
    middle, whatever ended it, is gone on with. Two processes take turns.

    Args:
        sources: In the order in which they are tried, one at least. One that is
            slower than ``patience.floor_rate`` is left for the next; when none is
            faster, the fastest is taken.
        folder: Is made when it is not there.
        patience: The bounds.
        observer: Told about every step.

    Returns:
        The archive, and the address it came from; ``None`` when it was there.

    Raises:
        AllSourcesFailed: No source gave it.
        DataError: Another file stands in its place; there is no room; or the folder
            cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror}.") from None
    archives = list(dict.fromkeys(source.archive for source in sources))
    with locked(folder / f"{archives[0].name}.lock", patience, observer):
        for archive in archives:
            if is_there_already(folder / archive.name, archive):
                return folder / archive.name, None
        source = _Fetch(sources, folder, patience, observer).run()
        for archive in archives:
            remove_parts(folder, archive)
        return folder / source.archive.name, source.url


def is_there_already(path: Path, archive: Archive) -> bool:
    """Whether ``path`` is the official archive.

    Raises:
        DataError: Something else stands there.
    """
    if not path.exists():
        return False
    fault = find_archive_fault(path, archive)
    if fault is not None:
        raise DataError(
            f"{path} is not the official archive: {fault}. It is not touched. Move it "
            "away and fetch again, or choose another folder with --to DIR."
        )
    return True


@contextlib.contextmanager
def locked(path: Path, patience: Patience, observer: FetchObserver) -> Iterator[None]:
    """Hold the lock file ``path``; the system frees it when a process is killed.

    Raises:
        DataError: The folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            observer.waiting_for_another(path)
            lock.acquire(poll_interval=patience.lock_seconds)
    except (OSError, NotImplementedError) as error:
        raise DataError(
            f"{path.parent} cannot be written: "
            f"{getattr(error, 'strerror', None) or error}. Choose another folder with "
            "--to DIR or the environment variable CIFARCNN_CACHE."
        ) from None
    try:
        yield
    finally:
        lock.release()


class _Fetch:
    """Two rounds over the sources: first for a fast one, then for any at all."""

    def __init__(
        self,
        sources: Sequence[Source],
        folder: Path,
        patience: Patience,
        observer: FetchObserver,
    ) -> None:
        self._sources = list(sources)
        self._folder = folder
        self._patience = patience
        self._observer = observer
        self._client = Client(patience)
        self._causes: dict[str, str] = {}
        self._rates: dict[Source, float] = {}

    def run(self) -> Source:
        """The source that gave the archive, which is then at its place."""
        left = self._sources
        for last_round in (False, True):
            if last_round and left:
                time.sleep(self._patience.pause(1, None))
            remaining = []
            for number, source in enumerate(left):
                others = len(left) - number - 1
                floor = 0.0 if last_round else self._floor(others)
                try:
                    self._exhaust(source, floor)
                    return source
                except SourceFailure as failure:
                    self._causes[source.url] = failure.cause
                    if not last_round:  # else the last words say it all
                        self._observer.source_left(source, failure.cause)
                    if isinstance(failure, TooSlow):
                        self._rates[source] = failure.rate
                    if not failure.final:
                        remaining.append(source)
            left = sorted(remaining, key=lambda one: -self._rates.get(one, 0.0))
        raise AllSourcesFailed(self._causes)

    def _floor(self, others: int) -> float:
        """The rate below which a source is left, with so many not tried yet."""
        if others:
            return self._patience.floor_rate
        # The last one need only be faster than those that were left as slow.
        return min(self._patience.floor_rate, max(self._rates.values(), default=0.0))

    def _exhaust(self, source: Source, floor: float) -> None:
        """Try one source until it has given everything, or up to the limit.

        Raises:
            SourceFailure: It has not; the last reason why.
        """
        patience, part = self._patience, Part(self._folder, source)
        failures, most, proven = 0, part.length, False
        while True:
            try:
                self._attempt(source, part, floor)
                return
            except TooSlow:
                raise
            except SourceFailure as failure:
                # Against the most there ever was: a server that keeps starting over
                # must not keep this going for ever.
                progress = part.length - most >= _PROGRESS
                proven = proven or progress
                failures, most = 1 if progress else failures + 1, max(most, part.length)
                # What was reached before is waited for; else the next may be nearer.
                away = failure.unreachable and not proven
                if failure.final or away or failures >= patience.tries:
                    raise
                pause = patience.pause(failures, failure.retry_after)
                self._observer.pausing(source, failure.cause, pause)
                time.sleep(pause)

    def _attempt(self, source: Source, part: Part, floor: float) -> None:
        pieced = part.length > 0
        if not part.is_whole or part.version() is None:
            self._make_room(source, part)
            pieced = transfer(
                source,
                part,
                self._client,
                patience=self._patience,
                floor=floor,
                observer=self._observer,
            )
        fault = part.find_fault()
        if fault is not None:
            part.discard()
            # What came in pieces may have suffered on this machine: once more, then.
            raise SourceFailure(
                f"what it sent is not the official archive: {fault}.", final=not pieced
            )
        target = self._folder / source.archive.name
        part.place(target)
        self._observer.archive_placed(target, source.url)

    def _make_room(self, current: Source, part: Part) -> None:
        try:
            part.check_room()
        except DataError:
            # Parts from other sources may be what fills the disk.
            for source in self._sources:
                if source != current:
                    Part(self._folder, source).discard()
            part.check_room()
