"""Files of an epoch that are written while the training goes on."""

from __future__ import annotations

import concurrent.futures
import errno
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import keras

from cifarcnn.errors import RunError
from cifarcnn.runs.history import EpochRecord
from cifarcnn.training.callbacks.progress import Progress
from cifarcnn.training.observer import Observer

# The disk may have room again at the next try; a folder that is gone stays so.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BackgroundWriter(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes what the callbacks before it prepare for an epoch, in a thread beside it.

    One epoch is written at a time, in their order. At most one waits: a newer one,
    which holds all that it does, takes its place. What came of it is told in the thread
    that trains: a full disk as a note, else that the epoch has ended. To be used in a
    ``with``, whose end waits until all is written.

    Attributes:
        in_background: Whether the training goes on meanwhile, or waits for each epoch.
        judge: What is to be said of an epoch, once it is told.

    Raises:
        RunError: Files cannot be written, for good.
    """

    def __init__(self, progress: Progress, observer: Observer) -> None:
        super().__init__()
        self.progress = progress
        self.observer = observer
        self.in_background = True
        self.judge: Callable[[EpochRecord], str | None] = lambda record: None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="cifarcnn writer")
        self._prepared: list[Callable[[], None]] = []
        self._saves: list[Future[int]] = []
        self._notes: deque[str] = deque()
        self._epochs_reported = progress.plan.epochs_done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.wait()
        except RunError as failure:
            if error is None:
                raise
            # What ended the training comes first.
            if str(failure) != str(error):
                self.observer.noted(str(failure))
        finally:
            self._executor.shutdown()

    def put(self, write: Callable[[], None]) -> None:
        """Have something written when the epoch ends, after what was put before.

        Args:
            write: Called in another thread, so it must hold copies of what changes.
                Raises ``RunError`` from the ``OSError`` that was its cause.
        """
        self._prepared.append(write)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._report()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._report()
        if self._saves and self._saves[-1].cancel():
            self._saves.pop()
        prepared, self._prepared = self._prepared, []
        epochs = len(self.progress.records)
        self._saves.append(self._executor.submit(self._write, prepared, epochs))
        if not self.in_background:
            self.wait()

    def wait(self) -> None:
        """Return when all is written, and told.

        Raises:
            RunError: Files cannot be written, for good.
        """
        concurrent.futures.wait(self._saves)
        self._report()

    def write_now(self, write: Callable[[], None]) -> None:
        """Write at once, in this thread; where the disk is full only say so.

        Raises:
            RunError: It cannot be written, and later will not do either.
        """
        self._try(write)
        self._report_notes()

    def _write(self, prepared: list[Callable[[], None]], epochs: int) -> int:
        for write in prepared:
            self._try(write)
        return epochs

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except RunError as error:
            cause = error.__cause__
            if not isinstance(cause, OSError) or cause.errno not in _PASSING:
                raise
            self._notes.append(
                f"{error} The training goes on, and tries again at its next save."
            )

    def _report(self) -> None:
        while self._saves and self._saves[0].done():
            save = self._saves.pop(0)
            self._report_notes()
            epochs = save.result()
            for record in self.progress.records[self._epochs_reported : epochs]:
                self.observer.epoch_ended(record)
                if sentence := self.judge(record):
                    self.observer.noted(sentence)
            self._epochs_reported = epochs

    def _report_notes(self) -> None:
        while self._notes:
            self.observer.noted(self._notes.popleft())
