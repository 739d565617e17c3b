"""How long a training takes, told when a few of its steps are done."""

from __future__ import annotations

import time
from typing import Any

import keras

from cifarcnn.engine.device_arrays import peak_device_memory
from cifarcnn.training.callbacks.progress import Progress
from cifarcnn.training.estimate import Duration, Estimate, Timings, ending
from cifarcnn.training.fits import Fit
from cifarcnn.training.observer import Observer

# Of steps, or of epochs where they are short.
_MEASURED_SECONDS = 2.0
_FEWEST_EXECUTIONS = 4
# Of a picture that is only judged, beside one that is learnt from: the way forward, of
# a way forward and a way backward that computes twice as much.
_JUDGED_SHARE = 1 / 3
# A training that is over before has no need to be estimated.
_SECONDS_WORTH_SAYING = 10.0


class EstimateDuration(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the first steps of a fit, and tells once what they suggest.

    These are steps that the training does in any case, so that it takes as long, and
    comes to the same bits, as without. Trial steps would have to be undone: in a copy
    of the network, which takes its memory twice. The price is that the validation, of
    which there was none yet, is reckoned from the steps.
    """

    def __init__(self, fit: Fit, progress: Progress, observer: Observer) -> None:
        super().__init__()
        self.fit = fit
        self.progress = progress
        self.observer = observer
        self._told = False
        self._epochs = 0.0
        self._goes_on = False
        self._steps, self._whole_epochs = Timings(), Timings()
        self._step = 0
        self._step_end: float | None = None
        self._epoch_end: float | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._epochs == 0.0:
            done = self.progress.steps_done / self.progress.plan.steps_per_epoch
            self._epochs = self.fit.epochs - epoch - done
            self._goes_on = epoch + done > 0
        self._step_end, self._steps = None, Timings()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._told:
            return
        now, steps = time.perf_counter(), self._steps
        # The first execution is slower: it takes memory, and fills caches.
        if self._step_end is not None:
            steps.add(batch - self._step, now - self._step_end)
        self._step, self._step_end = batch, now
        if steps.seconds >= _MEASURED_SECONDS and len(steps) >= _FEWEST_EXECUTIONS:
            each, plan = steps.of_each(), self.progress.plan
            share = _JUDGED_SHARE * plan.validation_images / plan.batch_size
            validation = each.times(share)
            self._tell(each.times(plan.steps_per_epoch).plus(validation), validation)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._told:
            return
        now, epochs = time.perf_counter(), self._whole_epochs
        # Of short epochs whole ones are measured: much of them is between the steps.
        if self._epoch_end is not None:
            epochs.add(1, now - self._epoch_end)
        self._epoch_end = now
        if epochs.seconds >= _MEASURED_SECONDS:
            each, plan = epochs.of_each(), self.progress.plan
            share = _JUDGED_SHARE * plan.validation_images / plan.training_images
            self._tell(each, each.times(share))

    def _tell(self, epoch: Duration, validation: Duration) -> None:
        self._told = True
        fit, whole = self.fit, epoch.times(self._epochs)
        last = fit.epochs == self.progress.plan.epochs
        if last:
            whole = whole.plus(ending(keras.config.backend(), validation))
        if whole.seconds < _SECONDS_WORTH_SAYING:
            return
        settings = fit.config.training
        self.observer.estimated(
            Estimate(
                epoch=epoch,
                whole=whole,
                memory_bytes=peak_device_memory(),
                epochs=self._epochs,
                goes_on=self._goes_on,
                fine_tuned_from=None if last else fit.epochs + 1,
                stops_early=settings.early_stopping is not None,
                max_minutes=settings.max_minutes,
            )
        )
