"""Saves the best weights, the last weights and the history of a training."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Literal

import keras

from cifarcnn.errors import RunError
from cifarcnn.runs import Origin, Run
from cifarcnn.runs.manifest import WeightsKind
from cifarcnn.runs.weights import save_weights
from cifarcnn.training.callbacks.progress import Arrays, Progress
from cifarcnn.training.observer import Observer

# The disk may have room again at the next try; a folder that is gone stays so.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ModelCheckpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves what each epoch came to, so that nothing is lost when training stops.

    ``last.safetensors`` holds the weights after the last finished epoch, and
    ``weights.safetensors`` those that ``evaluate`` and ``predict`` use: of the best
    epoch, or of the last one when ``weights`` says so. A full disk is only noted.

    Attributes:
        saved_epochs: How many epochs the files know of.

    Raises:
        RunError: The files cannot be written, for good.
    """

    def __init__(
        self,
        run: Run,
        origin: Origin,
        progress: Progress,
        observer: Observer,
        weights: Literal["best", "last"],
    ) -> None:
        super().__init__()
        self.run = run
        self.origin = origin
        self.progress = progress
        self.observer = observer
        self.weights = weights
        self.saved_epochs = len(progress.records)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        save_or_note(lambda: self.save_epoch(self.progress.weights), self.observer)

    @property
    def up_to_date(self) -> bool:
        """Whether the files hold all that is known."""
        return self.saved_epochs == len(self.progress.records)

    def save_epoch(self, weights: Arrays | None) -> None:
        """Write the weights and the figures of the epochs that are finished.

        Args:
            weights: At the end of the last of them; ``None`` when they are not known
                any more and lie in the files already.

        Raises:
            DivergedError: A weight is not finite. What was saved before is unharmed.
            RunError: The files cannot be written; those of before are unharmed.
        """
        progress = self.progress
        epochs = len(progress.records)
        if weights is not None:
            self._save("last", weights, epochs)
            if self.weights == "last":
                self._save("selected", weights, epochs)
        if self.weights == "best" and progress.best is not None:
            self._save("selected", progress.best_weights, progress.best.epoch)
        self.run.write_history(progress.records)
        self.saved_epochs = epochs

    def save_now(self, weights: Arrays) -> None:
        """Save the weights of this moment, in the middle of an epoch.

        They become ``last.safetensors``; where nothing better is known, or the config
        wants the last weights, ``weights.safetensors`` as well.

        Raises:
            RunError: As for :meth:`save_epoch`.
        """
        progress = self.progress
        epochs = len(progress.records)
        self._save("last", weights, epochs)
        if progress.best is None or self.weights == "last":
            self._save("selected", weights, epochs)
        elif not self.up_to_date:
            self._save("selected", progress.best_weights, progress.best.epoch)

    def describe_saved(self) -> str:
        """What the folder of the run holds, as a sentence."""
        if not self.saved_epochs:
            return "No epoch was finished."
        return f"The weights of epoch {self.saved_epochs} are kept in {self.run.path}."

    def _save(self, kind: WeightsKind, weights: Arrays, epoch: int) -> None:
        save_weights(self.run.path, kind, weights, epoch=epoch, origin=self.origin)


def save_or_note(save: Callable[[], None], observer: Observer) -> None:
    """Save; where the disk is full only say so, since it may not stay so.

    Args:
        save: Raises ``RunError`` from the ``OSError`` that was its cause.
        observer: Is told.

    Raises:
        RunError: It cannot be saved, and later will not do either.
    """
    try:
        save()
    except RunError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _PASSING:
            raise
        observer.noted(
            f"{error} The training goes on, and tries again at its next save."
        )
