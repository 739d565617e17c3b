"""A few steps of a training that nobody keeps, to tell how long the training takes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from math import ceil, prod
from typing import Any

import numpy as np

from cifarcnn.config import Config
from cifarcnn.config.layers import AnyLayer
from cifarcnn.engine import Device, choose_precision, free_memory
from cifarcnn.engine.device_arrays import free_device_memory, peak_device_memory
from cifarcnn.engine.distribution import distributed_over
from cifarcnn.network.predict import evaluation_batch_size
from cifarcnn.training.batches import Batches
from cifarcnn.training.blocks import Block
from cifarcnn.training.estimate import Duration, Estimate, Timings, ending, exactly
from cifarcnn.training.feature_table import FeatureTable
from cifarcnn.training.features import compute_features
from cifarcnn.training.fit import execute_steps
from cifarcnn.training.fits import Fit, plan_fits
from cifarcnn.training.input_pipeline import validation_batches
from cifarcnn.training.made_up_data import (
    Counts,
    count_images,
    make_data,
    with_some_normalization,
)
from cifarcnn.training.memory_check import explain_out_of_memory, require_memory
from cifarcnn.training.networks import build_networks
from cifarcnn.training.observer import Observer
from cifarcnn.training.steps_per_execution import steps_per_execution
from cifarcnn.training.streaming import fits_device
from cifarcnn.training.training_data import TrainingData
from cifarcnn.training.training_model import TrainingModel
from cifarcnn.training.training_models import TrainingModels

# Of the steps that learn; those that validate get half of it.
_MEASURED_SECONDS = 3.0
# Behind the first one, which is slower.
_FEWEST_EXECUTIONS = 4


@dataclass
class Trial:
    """What was tried, and what it suggests.

    Attributes:
        estimate: Of the whole training, but for the start of the process.
        device: What computed.
        compile_seconds: Until the first step could begin.
        features_seconds: Of the features of frozen layers, which are computed once.
        training_images: To learn from.
        validation_images: To validate by.
        training_steps: That were done.
        validation_steps: Likewise.
        notes: What the user should know of it.
    """

    estimate: Estimate
    device: Device
    training_images: int
    validation_images: int
    compile_seconds: float = 0.0
    features_seconds: float = 0.0
    training_steps: int = 0
    validation_steps: int = 0
    notes: list[str] = field(default_factory=list)


class _Notes(Observer):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, sentence: str) -> None:
        self.notes.append(sentence)


class _TriedFeatures(FeatureTable):
    """Computes the features of few images; none is kept.

    Attributes:
        spent_seconds: On these.
        whole_seconds: What all would take.
    """

    spent_seconds = 0.0
    whole_seconds = 0.0

    def load(
        self, layers: Sequence[AnyLayer], device: Device, precision: str
    ) -> np.ndarray[Any, Any] | None:
        free = free_memory()
        if free is not None and self.size_bytes > free:
            self.observer.noted("the features of the frozen layers fit no memory here")
            return None
        times, first = Timings(), time.perf_counter()
        start = first
        for batch in compute_features(self.networks.fixed, self.rows, lambda *_: None):
            start, before = time.perf_counter(), start
            # The first one is slower.
            if before != first:
                times.add(len(batch), start - before)
            if _suffice(times, _MEASURED_SECONDS):
                break
        self.spent_seconds = start - first
        each = times.of_each().seconds if times else self.spent_seconds / len(batch)
        self.whole_seconds = each * self.rows.count
        return np.zeros(self.shape, np.float32)


def _suffice(times: Timings, seconds: float) -> bool:
    return times.seconds >= seconds and len(times) >= _FEWEST_EXECUTIONS


def try_training(config: Config, device: Device) -> Trial:
    """Do a few steps of the training of a config, with images that are made up.

    Nothing is written, and the network is thrown away.

    Args:
        config: Of the training.
        device: What Keras was started on.

    Raises:
        DataError: The folder of the config cannot be trained on.
        RunError: The memory is not enough.
        UsageError: The network does not fit the classes.
    """
    counts = count_images(config)
    size = prod(config.image_shape) * (len(counts.training) + len(counts.validation))
    free = free_device_memory(on_gpu=device.kind == "gpu")
    data = make_data(config, counts, streamed=not fits_device(size, free))
    config = with_some_normalization(config, data)
    observer = _Notes()
    if counts.note:
        observer.noted(counts.note)
    if doubt := require_memory(config, data, device):
        observer.noted(doubt)
    batch_size, on_gpu = config.training.batch_size, device.kind == "gpu"
    memory_explained = explain_out_of_memory(batch_size, on_gpu=on_gpu)
    with memory_explained, distributed_over(device):
        trial = _Trier(config, counts, data, device, observer).run()
    trial.notes = observer.notes
    return trial


class _Trier:
    """Tries one fit after the other."""

    def __init__(
        self,
        config: Config,
        counts: Counts,
        data: TrainingData,
        device: Device,
        observer: Observer,
    ) -> None:
        self.config, self.counts, self.data = config, counts, data
        self.device = device
        self.observer = observer
        self.tables: list[_TriedFeatures] = []
        self.steps = {True: 0, False: 0}
        self.validation = exactly(0.0)

    def run(self) -> Trial:
        """What all fits, and all that is before and behind them, take."""
        config, device, counts = self.config, self.device, self.counts
        settings, start = config.training, time.perf_counter()
        precision = choose_precision(settings.precision, device)
        networks = build_networks(config, self.data, device, precision)
        fits = plan_fits(config, settings.epochs)
        models = TrainingModels(
            networks, self.data, fits, device, self.observer, [], self._make_table
        )
        built = time.perf_counter() - start
        tried = [self._try_fit(models, fit) for fit in fits]
        compiled = built + sum(seconds for _, seconds in tried)
        # Of the images that a part stands for, too.
        share = len(counts.training) / len(self.data.split.labels)
        features = share * sum(table.whole_seconds for table in self.tables)
        whole = ending(device.backend, self.validation)
        whole = whole.plus(exactly(compiled + features))
        for fit, (epoch, _) in zip(fits, tried, strict=True):
            whole = whole.plus(epoch.times(fit.length))
        tuned = fits[-1].initial_epoch + 1 if len(fits) > 1 else None
        estimate = Estimate(
            epoch=tried[0][0],
            whole=whole,
            memory_bytes=peak_device_memory(),
            epochs=settings.epochs,
            fine_tuned_from=tuned,
            fine_tuned_epoch=tried[-1][0] if tuned else None,
            stops_early=settings.early_stopping is not None,
            max_minutes=settings.max_minutes,
        )
        return Trial(
            estimate,
            device,
            training_images=len(counts.training),
            validation_images=len(counts.validation),
            training_steps=self.steps[True],
            validation_steps=self.steps[False],
            compile_seconds=compiled,
            features_seconds=features,
        )

    def _make_table(self, *arguments: Any) -> FeatureTable:
        self.tables.append(_TriedFeatures(*arguments))
        return self.tables[-1]

    def _try_fit(self, models: TrainingModels, fit: Fit) -> tuple[Duration, float]:
        """How long an epoch of a fit takes, and how long it takes to compile it."""
        known, start = len(self.tables), time.perf_counter()
        model, batches = models.build(fit)
        spent = sum(table.spent_seconds for table in self.tables[known:])
        built = time.perf_counter() - start - spent
        images, settings = len(self.counts.training), self.config.training
        full, rest = divmod(images, batches.batch_size)
        count = full + (rest > 0 and not (settings.drop_remainder and full))
        times, compiled = self._time(model, batches, training=True)
        epoch = times.of_each().times(count)
        validation = validation_batches(
            self.data,
            batches.augmentation,
            batches.streamed,
            evaluation_batch_size(model),
        )
        if validation is not None:
            times, seconds = self._time(model, validation, training=False)
            count = ceil(len(self.counts.validation) / validation.batch_size)
            self.validation = times.of_each().times(count)
            epoch, compiled = epoch.plus(self.validation), compiled + seconds
        return epoch, built + compiled

    def _time(
        self, model: TrainingModel, batches: Batches, *, training: bool
    ) -> tuple[Timings, float]:
        """Do steps, in epoch after epoch where these are short.

        Returns:
            Their times, and the seconds before the first of them.
        """
        seconds = _MEASURED_SECONDS if training else _MEASURED_SECONDS / 2
        execution = steps_per_execution(self.config, self.device)
        times = Timings()
        with closing(batches):
            start = time.perf_counter()
            steps = model.make_steps(batches, training=training)
            blocks = _blocks_of_all_epochs(batches)
            block = next(blocks)
            steps(block.numbers, 0, 0)
            compiled = time.perf_counter() - start
            step, end = block.first, None
            while not _suffice(times, seconds):
                if step == block.end:
                    block = next(blocks)
                    step = block.first
                before = step
                execute = partial(execute_steps, steps, block)
                step, _ = execution.run(execute, step, block.end)
                self.steps[training] += step - before
                now = time.perf_counter()
                # The first execution is slower.
                if end is not None:
                    times.add(step - before, now - end)
                end = now
        return times, compiled


def _blocks_of_all_epochs(batches: Batches) -> Iterator[Block]:
    for epoch in itertools.count():
        yield from batches.blocks(epoch, 0, epoch + 1)
