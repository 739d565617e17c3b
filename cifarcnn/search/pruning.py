"""What a study hears of a training, and how its pruner ends one."""

from __future__ import annotations

from typing import Any

import keras
import optuna

from cifarcnn.runs import Run
from cifarcnn.search.trials import STOPPED


class ReportToStudy(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports the validation accuracy of each epoch, and ends what is not promising.

    The epoch is saved by then, and the run is brought to its end as after early
    stopping: it is one like any other.

    Raises:
        optuna.exceptions.UpdateFinishedTrialError: Another process trains the trial.
    """

    def __init__(self, trial: optuna.Trial) -> None:
        super().__init__()
        self.trial = trial

    def report_history(self, run: Run) -> None:
        """Report what was saved, but not reported any more, before a kill."""
        known = self.trial.storage.get_trial(self.trial._trial_id).intermediate_values
        rows = run.read_history() if (run.path / "history.csv").exists() else []
        for row in rows:
            epoch, accuracy = int(row["epoch"]), row.get("val_accuracy")
            if accuracy and epoch not in known:
                self.trial.report(float(accuracy), epoch)
        training = run.config.training
        if run.finished and len(rows) < training.epochs and not training.early_stopping:
            # By the pruner, of which a study that was restored from a copy knows not.
            self.trial.set_user_attr(STOPPED, len(rows))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.trial.report(float(logs["val_accuracy"]), epoch + 1)
        if STOPPED in self.trial.user_attrs or self.trial.should_prune():
            self.trial.set_user_attr(STOPPED, epoch + 1)
            self.model.stop_training = True
