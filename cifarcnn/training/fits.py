"""The fits that a training consists of: one, or two where it ends with fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cifarcnn.config import Config
from cifarcnn.config.learning_rate_schedules import Constant
from cifarcnn.runs.checkpoints import Checkpoint


@dataclass(frozen=True)
class Fit:
    """What one call of Keras's ``fit`` would do, after a ``compile`` of its own.

    Attributes:
        config: Its optimizer and schedule are those of this fit.
        initial_epoch: Of the first epoch, counted from 0 over the whole training.
        epochs: The number of the epoch behind the last one.
        fine_tuned: Whether the last layers of frozen backbones learn.
    """

    config: Config
    initial_epoch: int
    epochs: int
    fine_tuned: bool = False

    @property
    def length(self) -> int:
        """How many epochs it has."""
        return self.epochs - self.initial_epoch


def plan_fits(config: Config, epochs: int) -> list[Fit]:
    """The fits of a training of so many epochs.

    The schedule of the config is planned over the epochs before the fine-tuning, which
    has a rate that stays.
    """
    tuning = config.training.fine_tune
    before = epochs if tuning is None else min(tuning.from_epoch - 1, epochs)
    fits = [Fit(config, 0, before)]
    if tuning is not None and before < epochs:
        optimizer = config.training.optimizer.model_copy(
            update={"learning_rate": tuning.learning_rate}
        )
        changes: dict[str, Any] = {
            "optimizer": optimizer,
            "learning_rate_schedule": Constant(),
        }
        training = config.training.model_copy(update=changes)
        tuned = config.model_copy(update={"training": training})
        fits.append(Fit(tuned, before, epochs, fine_tuned=True))
    return fits


def find_fit(fits: Sequence[Fit], checkpoint: Checkpoint | None) -> Fit:
    """The fit that the last step of a checkpoint belongs to; without one the first."""
    if checkpoint is None:
        return fits[0]
    epoch, step = checkpoint.state.epoch, checkpoint.state.step
    last = epoch if step else max(epoch - 1, 0)
    return next(fit for fit in fits if last < fit.epochs)
