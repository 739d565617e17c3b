"""A tracker that works beside the training, and cannot end it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from cifarcnn.runs.history import EpochRecord
from cifarcnn.runs.tracking_file import TrackingFile
from cifarcnn.training.trackers.tracker import Ending, Tracker

_LONGEST = 240


class BackgroundTracker:
    """Tells a tracker of epochs in a thread of its own.

    What could not be told is told with the next epoch, and at the end.
    """

    def __init__(
        self,
        name: str,
        tracker: Tracker,
        file: TrackingFile,
        note: Callable[[str], None],
    ) -> None:
        """Nothing is done yet.

        Args:
            name: Of the tracker.
            tracker: To be told.
            file: Where it is kept how far it has got.
            note: Told of the first failure, in that thread.
        """
        self.name = name
        self._tracker = tracker
        self._file = file
        self._note = note
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"cifarcnn {name}")
        self._newest: Future[None] | None = None
        self._told: int | None = None
        self._failed = False

    def log(self, records: Sequence[EpochRecord]) -> None:
        """Have it told of all finished epochs, as far as it does not know them."""
        self._submit(lambda: self._log(records))

    def close(self, records: Sequence[EpochRecord], ending: Ending) -> None:
        """End it, and wait for that."""

        def end() -> None:
            self._log(records)
            self._tracker.close(ending)

        self._submit(end)
        self._executor.shutdown()

    def _submit(self, work: Callable[[], None]) -> None:
        # The newer work holds all that one does which still waits.
        if self._newest is not None:
            self._newest.cancel()
        self._newest = self._executor.submit(self._try, work)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        # A training is worth more than a copy of its figures elsewhere.
        except Exception as error:
            self._told = None
            if not self._failed:
                self._failed = True
                self._note(_describe(self.name, error))

    def _log(self, records: Sequence[EpochRecord]) -> None:
        if self._told is None:
            told = self._file.epochs(self.name)
            self._told = self._tracker.open(told, len(records))
        if new := records[self._told :]:
            self._tracker.log(new)
        self._told = max(self._told, len(records))
        self._file.keep_epochs(self.name, self._told)


def _describe(name: str, error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = textwrap.shorten(lines[0], _LONGEST, placeholder=" ...").rstrip(".")
    return (
        f"training.tracking: {name} failed: {text}. The training goes on, and "
        "history.csv has all figures."
    )
