"""Keeps the files of a run up to date: history, last weights, best weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cifarcnn.runs import EpochRecord
from cifarcnn.runs.manifest import WeightsKind
from cifarcnn.runs.weights import save_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from cifarcnn.runs import Origin, Run

    Arrays = Mapping[str, np.ndarray[Any, Any]]


class Keeper:
    """Writes what each epoch brought, so that nothing is lost when training stops.

    ``last.safetensors`` holds the weights after the last finished epoch, and
    ``weights.safetensors`` those that ``evaluate`` and ``predict`` use: of the best
    epoch, or of the last one when the config says so.

    Attributes:
        records: One for each finished epoch.
        best: The record of the best epoch so far, or ``None`` before the first.
        best_arrays: Its weights.
        written: How many of the records the files know of.
    """

    def __init__(
        self,
        run: Run,
        origin: Origin,
        *,
        best_by: Literal["val_loss", "val_accuracy"],
        weights: Literal["best", "last"],
    ) -> None:
        self.run = run
        self.origin = origin
        self.best_by = best_by
        self.weights = weights
        self.records: list[EpochRecord] = []
        self.best: EpochRecord | None = None
        self.best_arrays: Arrays = {}
        self.written = 0

    @property
    def up_to_date(self) -> bool:
        """Whether the files hold all that is known."""
        return self.written == len(self.records)

    def resume(
        self,
        records: Sequence[EpochRecord],
        best_epoch: int | None,
        best_arrays: Arrays,
    ) -> None:
        """Know what was known when a checkpoint was written.

        Args:
            records: Of the epochs that were finished then.
            best_epoch: The number of the best of them, if any.
            best_arrays: Its weights.
        """
        self.records = list(records)
        self.written = len(self.records)
        self.best = self.records[best_epoch - 1] if best_epoch else None
        self.best_arrays = best_arrays

    def admit(self, record: EpochRecord, arrays: Arrays) -> None:
        """Take note of a finished epoch; no file changes.

        Args:
            record: The figures.
            arrays: The weights by name; not changed by anybody afterwards.
        """
        if self._improves(record):
            self.best, self.best_arrays = record, arrays
        self.records.append(record)

    def write(self, arrays: Arrays | None) -> None:
        """Write the weights and the figures of the epochs that are finished.

        Args:
            arrays: The weights at the end of the last of them; ``None`` when they are
                not known any more and lie in the files already.

        Raises:
            DivergedError: A weight is not finite. What was saved before is unharmed.
            RunError: The files cannot be written; those of before are unharmed.
        """
        epochs = len(self.records)
        if arrays is not None:
            self._save("last", arrays, epochs)
            if self.weights == "last":
                self._save("best", arrays, epochs)
        if self.weights == "best" and self.best is not None:
            self._save("best", self.best_arrays, self.best.epoch)
        self.run.write_history(self.records)
        self.written = epochs

    def stopped(self, arrays: Arrays) -> None:
        """Save the weights of this moment, in the middle of an epoch.

        They become ``last.safetensors``; where nothing better is known, or the config
        wants the last weights, ``weights.safetensors`` as well.
        """
        epochs = len(self.records)
        self._save("last", arrays, epochs)
        if self.best is None or self.weights == "last":
            self._save("best", arrays, epochs)
        elif not self.up_to_date:
            self._save("best", self.best_arrays, self.best.epoch)

    def describe_kept(self) -> str:
        """What the folder of the run holds, as a sentence."""
        if not self.written:
            return "No epoch was finished."
        return f"The weights of epoch {self.written} are kept in {self.run.path}."

    def _improves(self, record: EpochRecord) -> bool:
        if self.best is None or record.val_loss is None:
            return True
        if self.best_by == "val_accuracy":
            return (record.val_accuracy or 0.0) > (self.best.val_accuracy or 0.0)
        return self.best.val_loss is None or record.val_loss < self.best.val_loss

    def _save(
        self, choice: Literal["best", "last"], arrays: Arrays, epoch: int
    ) -> None:
        kind: WeightsKind = "selected" if choice == "best" else "last"
        save_weights(self.run.path, kind, arrays, epoch=epoch, origin=self.origin)
