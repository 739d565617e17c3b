"""SIGINT, SIGTERM and SIGHUP end a training at the next step, after saving it."""

from __future__ import annotations

import shlex
import signal
import threading
from types import FrameType
from typing import Any

import keras

from cifarcnn.errors import RunError, Stopped
from cifarcnn.training.callbacks.backup_and_restore import BackupAndRestore
from cifarcnn.training.callbacks.model_checkpoint import ModelCheckpoint
from cifarcnn.training.callbacks.progress import Progress

# A closed terminal sends SIGHUP, which Windows does not have.
_WATCHED = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)


class SignalWatch:
    """While open, the first signal is remembered; the second acts at once.

    Outside the main thread, where Python allows no handlers, it watches nothing. A
    signal that the process ignores (``nohup``, jobs in the background) stays ignored.

    Attributes:
        received: The number of the signal that came, or ``None``.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> SignalWatch:
        if threading.current_thread() is threading.main_thread():
            for number in _WATCHED:
                before = signal.getsignal(number)
                # None: a handler that does not come from Python and cannot be put back.
                if before is not signal.SIG_IGN and before is not None:
                    self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        for watched in self._before:
            signal.signal(watched, signal.SIG_DFL)


class StopOnSignal(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training after the step in which a signal came.

    Raises:
        Stopped: One came; what was trained is saved, or the message says why not.
    """

    def __init__(
        self,
        signals: SignalWatch,
        progress: Progress,
        backup: BackupAndRestore,
        checkpoint: ModelCheckpoint,
    ) -> None:
        """Connect the parts.

        Args:
            signals: Remembers a signal.
            progress: How far the training has come.
            backup: Saves what the training needs to go on.
            checkpoint: Saves the weights of this moment.
        """
        super().__init__()
        self.signals = signals
        self.progress = progress
        self.backup = backup
        self.checkpoint = checkpoint

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_asked()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        number = self.signals.received
        if number is None:
            return
        failure = ""
        try:
            self.backup.save_now()
            self.checkpoint.save_now(self.model.read_weights())
        except RunError as error:
            failure = f"{error} {self.backup.describe_saved()}".rstrip()
        raise Stopped(number, self._describe(failure))

    def _describe(self, failure: str) -> str:
        progress, path = self.progress, self.checkpoint.run.path
        place = (
            f"Stopped in epoch {progress.epoch + 1} of {progress.plan.epochs}, after "
            f"step {progress.steps_done} of {progress.plan.steps_per_epoch}."
        )
        quoted = shlex.quote(str(path))
        resume = f"Go on with: cifarcnn train --resume {quoted}"
        if failure:
            return f"{place} This moment could not be saved: {failure}\n{resume}"
        if progress.best is None:
            kept = "the weights of this moment"
        elif self.checkpoint.weights == "last":
            kept = "the weights of this moment and the history"
        else:
            kept = (
                f"the best weights (epoch {progress.best.epoch}), those of this moment "
                "(last.safetensors) and the history"
            )
        return (
            f"{place} Kept in {path}: {kept}. Judge them with: cifarcnn evaluate --run "
            f"{quoted}\n{resume}"
        )
