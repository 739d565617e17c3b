"""All callbacks of a training, in the order in which each event reaches them."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from cifarcnn.config import Config
from cifarcnn.runs import Origin, Run
from cifarcnn.runs.checkpoints import Checkpoint
from cifarcnn.training.callbacks.background_writer import BackgroundWriter
from cifarcnn.training.callbacks.backup_and_restore import BackupAndRestore
from cifarcnn.training.callbacks.epoch_log import EpochLog, ObserverCallback
from cifarcnn.training.callbacks.estimate_duration import EstimateDuration
from cifarcnn.training.callbacks.model_checkpoint import ModelCheckpoint
from cifarcnn.training.callbacks.progress import Progress, TrackProgress
from cifarcnn.training.callbacks.replay import ReplayEpochs
from cifarcnn.training.callbacks.stop_training import StopTraining
from cifarcnn.training.callbacks.swap_averages import SwapAverages
from cifarcnn.training.callbacks.terminate_on_nan import TerminateOnNaN
from cifarcnn.training.callbacks.tracking import Tracking
from cifarcnn.training.fits import Fit
from cifarcnn.training.input_pipeline import TrainingBatches
from cifarcnn.training.learning_rate_schedules import monitor_mode, schedule_callbacks
from cifarcnn.training.observer import Observer, Plan
from cifarcnn.training.stop_request import StopRequest
from cifarcnn.training.training_model import TrainingModel


class TrainingCallbacks:
    """Ours and Keras's, and the order of all.

    Attributes:
        fit: The current fit.
        model: What it trains.
        batches: Of every epoch of it.
        observer: Is told of each event.
        progress: How far the training has come.
        terminate_on_nan: Ends a training that diverges.
        writer: Writes what the next two save, beside the training.
        backup: Saves and restores checkpoints.
        checkpoint: Saves weights and history.
        replay: Has Keras's own hear again of the finished epochs of the fit.
    """

    fit: Fit
    model: TrainingModel
    batches: TrainingBatches
    replay: ReplayEpochs

    def __init__(
        self,
        config: Config,
        run: Run,
        origin: Origin,
        fit: Fit,
        model: TrainingModel,
        batches: TrainingBatches,
        plan: Plan,
        observer: Observer,
        request: StopRequest,
        writes: bool = True,
    ) -> None:
        self.observer = observer
        settings = config.training
        progress = self.progress = Progress(plan, settings.best_by)
        self.terminate_on_nan = TerminateOnNaN(progress)
        self.writer = BackgroundWriter(progress, observer)
        self.backup = BackupAndRestore(
            run, config, origin.data.checksum, progress, self.writer
        )
        self.checkpoint = ModelCheckpoint(
            run, origin, progress, self.writer, settings.weights
        )
        self._ours: list[keras.callbacks.Callback] = [
            # First, so that the weights are in their place for all others.
            *([SwapAverages()] if model.weight_averages else []),
            TrackProgress(progress),
            # Nothing is recorded or saved that is not finite.
            self.terminate_on_nan,
            EpochLog(progress),
            StopTraining(request, progress, self.backup, self.checkpoint, writes),
            # Checkpoints first: other files are never ahead of what can go on.
            *([self.backup, self.checkpoint] if writes else []),
            self.writer,
            ObserverCallback(progress, observer),
        ]
        self.begin(fit, model, batches)

    def begin(self, fit: Fit, model: TrainingModel, batches: TrainingBatches) -> None:
        """Turn to a fit, for which Keras's own callbacks begin anew."""
        self.fit, self.model, self.batches = fit, model, batches
        settings = fit.config.training
        plateau = schedule_callbacks(settings.learning_rate_schedule)
        rate = settings.optimizer.learning_rate if plateau else None
        self._keras = [*plateau, *_early_stopping(fit.config)]
        self._estimate = EstimateDuration(fit, self.progress, self.observer)
        self.replay = ReplayEpochs(self._keras, self.progress, rate, fit.initial_epoch)
        for callback in (self.terminate_on_nan, self.backup, self.replay):
            callback.set_model(model)

    def add_tracking(self, tracking: Tracking) -> None:
        """Have other programs told of each epoch, when its files are written."""
        place = self._ours.index(self.writer)
        self._ours.insert(place, tracking.follow(self.progress, self.writer))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Bring the model and the callbacks back to where a checkpoint was saved.

        Raises:
            RunError: It does not fit the training.
        """
        self.backup.restore(checkpoint)
        self.checkpoint.saved_epochs = len(self.progress.records)

    def in_order(
        self, users: Sequence[keras.callbacks.Callback] = ()
    ) -> list[keras.callbacks.Callback]:
        """The list for ``fit``.

        An epoch is copied before anything that stands behind may end the training,
        which waits until it is written.

        Args:
            users: The user's own: last, so that they see what Keras's have decided.
                The files of an epoch are written before these hear of its end.
        """
        self.writer.in_background = not users
        return [*self._ours, self._estimate, *self._keras, self.replay, *users]


def _early_stopping(config: Config) -> list[keras.callbacks.Callback]:
    stopping = config.training.early_stopping
    if stopping is None:
        return []
    return [
        keras.callbacks.EarlyStopping(
            monitor=stopping.monitor,
            patience=stopping.patience,
            min_delta=stopping.min_delta,
            mode=monitor_mode(stopping.monitor),
        )
    ]
