"""Saves the best weights, the last weights and the history of a training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import keras

from cifarcnn.runs import EpochRecord, Origin, Run
from cifarcnn.runs.manifest import WeightsKind
from cifarcnn.runs.weights import save_weights
from cifarcnn.training.callbacks.background_writer import BackgroundWriter
from cifarcnn.training.callbacks.progress import Arrays, Progress


class ModelCheckpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves what each epoch came to, so that nothing is lost when training stops.

    ``last.safetensors`` holds the weights after the last finished epoch, and
    ``weights.safetensors`` those that ``evaluate`` and ``predict`` use: of the best
    epoch, or of the last one when ``weights`` says so. They are written beside the next
    epoch. A full disk is only noted.

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
        writer: BackgroundWriter,
        weights: Literal["best", "last"],
    ) -> None:
        super().__init__()
        self.run = run
        self.origin = origin
        self.progress = progress
        self.writer = writer
        self.weights = weights
        self.saved_epochs = len(progress.records)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.writer.put(self._prepare(self.progress.weights))

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
        self._prepare(weights)()

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

    def _prepare(self, weights: Arrays | None) -> partial[None]:
        """What writes the epochs of now, whenever it is called."""
        progress = self.progress
        best = progress.best_weights, progress.best.epoch if progress.best else None
        return partial(self._write, weights, *best, tuple(progress.records))

    def _write(
        self,
        weights: Arrays | None,
        best_weights: Arrays,
        best_epoch: int | None,
        records: Sequence[EpochRecord],
    ) -> None:
        epochs = len(records)
        if weights is not None:
            self._save("last", weights, epochs)
            if self.weights == "last":
                self._save("selected", weights, epochs)
        if self.weights == "best" and best_epoch is not None:
            self._save("selected", best_weights, best_epoch)
        self.run.write_history(records)
        self.saved_epochs = epochs

    def _save(self, kind: WeightsKind, weights: Arrays, epoch: int) -> None:
        save_weights(self.run.path, kind, weights, epoch=epoch, origin=self.origin)
