"""One training, from the config or a checkpoint to a finished run."""

from __future__ import annotations

import contextlib
import shlex
import warnings
from collections.abc import Callable, Sequence
from functools import partial

import keras

from cifarcnn.config import Config
from cifarcnn.config.layers import flatten_layers
from cifarcnn.engine import Device, choose_precision, refusals_explained
from cifarcnn.engine.distribution import distributed_over, on_one_device
from cifarcnn.errors import Stopped, UsageError
from cifarcnn.literals import Policy
from cifarcnn.network.weights import write_weights
from cifarcnn.runs import Run
from cifarcnn.runs.checkpoints import Checkpoint
from cifarcnn.signals import ending_signals_handled
from cifarcnn.training.backbone_weights import load_backbone
from cifarcnn.training.callbacks.tracking import Tracking
from cifarcnn.training.callbacks.training_callbacks import TrainingCallbacks
from cifarcnn.training.failures import failures_explained
from cifarcnn.training.fit import fit
from cifarcnn.training.fits import find_fit, plan_fits
from cifarcnn.training.judgement import ask_validation, judge, judge_first_epoch
from cifarcnn.training.learning_rate_schedules import describe_new_plan
from cifarcnn.training.memory_check import explain_out_of_memory
from cifarcnn.training.networks import build_networks
from cifarcnn.training.observer import Observer, Outcome, Plan
from cifarcnn.training.resume import ResumePlan, describe_environment_change
from cifarcnn.training.run_files import (
    describe_environment,
    describe_metrics,
    describe_origin,
    read_precision,
    write_environment,
    write_keras_model,
    write_litert_model,
)
from cifarcnn.training.steps_per_execution import steps_per_execution
from cifarcnn.training.stop_request import StopRequest
from cifarcnn.training.training_data import TrainingData
from cifarcnn.training.training_models import TrainingModels


def train(
    config: Config,
    data: TrainingData,
    run: Run,
    device: Device,
    *,
    resume: ResumePlan | None = None,
    observer: Observer | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    request: StopRequest | None = None,
    tracking: Tracking | None = None,
    trained: Callable[[], None] = lambda: None,
) -> Outcome | None:
    """Train the network of ``config`` and write the files of ``run``.

    Sets Keras's global seed. SIGINT, SIGTERM or SIGHUP ends it after the current step.

    Args:
        config: With ``data.normalization`` resolved; written to the run as it is.
        data: The images, from ``load_training_data``.
        run: A new folder or one whose training goes on; held by this process.
        device: What Keras was started on.
        resume: How the training goes on; ``None`` for a new one.
        observer: Is told of each step.
        callbacks: The user's own, as ``cifarcnn.train`` describes them.
        request: What ends it; ``None`` makes one of ``training.max_minutes``.
        tracking: Tells other programs of each epoch; its end is the caller's.
        trained: Is called behind the last step, before the last files are written.

    Returns:
        The figures of all epochs; ``None`` on a host that writes nothing.

    Raises:
        DataError: The images cannot be read any more.
        DivergedError: The loss or a weight is not finite any more.
        DeviceError: ``training.deterministic`` cannot be kept on this GPU.
        RunError: A file cannot be written, or the checkpoint does not fit.
        UsageError: Early stopping would end the training before it goes on.
        Stopped: A signal came; what was trained is saved.
        TimeIsUp: ``training.max_minutes`` are over; likewise.
    """
    observer = observer or Observer()
    source = resume.checkpoint if resume else None
    memory_explained = partial(
        explain_out_of_memory,
        config.training.batch_size,
        on_gpu=device.kind == "gpu",
        resumed=source is not None,
    )
    request = request or StopRequest(config.training.max_minutes)
    with ending_signals_handled(request.signals.append), distributed_over(device):
        precision = _choose_precision(config, run, device, source)
        environment = describe_environment(config, data, device, precision)
        # Even when it is killed now, the run can be told for what it is.
        if source is None and device.writes:
            run.write_config(config)
        if resume is None and device.writes:
            write_environment(run, environment)
        with memory_explained():
            models, ours = _build(
                config, data, run, device, precision, source, observer, request
            )
        if tracking is not None:
            ours.add_tracking(tracking)
        _restore(resume, run, ours, environment, device.writes)
        plan = ours.progress.plan
        observer.training_started(plan)
        ours.writer.judge = judge_first_epoch(config, data, plan)
        with failures_explained(run, ours, device.writes):
            with memory_explained(), _refusals_explained(config), ours.writer:
                while fit(data, ours, callbacks, steps_per_execution(config, device)):
                    following = models.next_fit(ours.fit)
                    if following is None:
                        break
                    ours.begin(following, *models.build(following))
            trained()
            if not device.writes:
                return None
            with on_one_device():
                stock, signals = models.networks.stock, request.signals
                outcome = _finish(config, data, run, stock, ours, signals)
    observer.training_ended(outcome)
    return outcome


def _choose_precision(
    config: Config, run: Run, device: Device, source: Checkpoint | None
) -> Policy:
    precision = choose_precision(config.training.precision, device)
    if source is not None:
        # With float16 the scale of the loss is among its arrays, else it is not.
        before = read_precision(run)
        if before and "mixed_float16" in (before, precision):
            return before
    return precision


def _build(
    config: Config,
    data: TrainingData,
    run: Run,
    device: Device,
    precision: Policy,
    source: Checkpoint | None,
    observer: Observer,
    request: StopRequest,
) -> tuple[TrainingModels, TrainingCallbacks]:
    """What each fit trains, and the callbacks, which know all else."""
    epochs = 1 if data.smoke else config.training.epochs
    networks = build_networks(config, data, device, precision)
    fits = plan_fits(config, epochs)
    models = TrainingModels(networks, data, fits, device, observer, request.signals)
    if source is None:
        load_backbone(networks)
    else:
        models.restore_network(source)
    fit = find_fit(fits, source)
    try:
        model, batches = models.build(fit)
    except Stopped as stopped:
        way_on = f"Go on with: cifarcnn train --resume {shlex.quote(str(run.path))}"
        raise Stopped(stopped.signal_number, f"{stopped}\n{way_on}") from None
    if config.training.jit_compile is False and device.backend == "jax":
        observer.noted(
            "training.jit_compile is false, but JAX compiles the steps always."
        )
    plan = Plan(
        epochs=epochs,
        steps_per_epoch=batches.steps_per_epoch,
        batch_size=config.training.batch_size,
        training_images=len(data.split.labels),
        validation_images=len(data.validation.labels) if data.validation else 0,
        parameters=networks.stock.count_params(),
        class_count=data.class_count,
        smoke=data.smoke,
        epochs_done=source.state.epoch if source else 0,
        steps_done=source.state.step if source else 0,
    )
    origin = describe_origin(data.dataset, device)
    return models, TrainingCallbacks(
        config, run, origin, fit, model, batches, plan, observer, request, device.writes
    )


def _restore(
    resume: ResumePlan | None,
    run: Run,
    ours: TrainingCallbacks,
    environment: dict[str, object],
    writes: bool,
) -> None:
    """Bring model and files to where the training begins; say what is different."""
    if resume is None:
        return
    source, progress, observer = resume.checkpoint, ours.progress, ours.observer
    if source is not None:
        ours.restore(source)
    if resume.extended and ours.replay.replay():
        raise UsageError(
            f"Early stopping ended {run.path} after epoch {len(progress.records)}, and "
            "would do so again at once. To go on, also give --set "
            "training.early_stopping=null, or a longer "
            "training.early_stopping.patience."
        )
    if not writes:
        return
    before = write_environment(run, environment)
    for note in resume.notes:
        observer.noted(note)
    if source is not None:
        run.write_config(resume.config)
        run.reopen()
        if progress.records:
            # A kill, or the loss of a newer checkpoint, may have left them ahead.
            weights = None if source.state.step else ours.model.read_weights()
            ours.checkpoint.save_epoch(weights)
        if resume.replanned:
            step = source.state.epoch * progress.plan.steps_per_epoch
            rate = ours.model.learning_rate_at(step + source.state.step)
            last = progress.records[-1].learning_rate if progress.records else None
            observer.noted(describe_new_plan(ours.fit.config, last, rate))
    change = describe_environment_change(before, environment) if before else None
    if change:
        observer.noted(change)


def _finish(
    config: Config,
    data: TrainingData,
    run: Run,
    network: keras.Model,
    ours: TrainingCallbacks,
    signals: Sequence[int],
) -> Outcome:
    """Write the last files of the run."""
    progress, checkpoint = ours.progress, ours.checkpoint
    # Not those that a callback of the user changed after the epoch was saved.
    weights = progress.weights or ours.model.read_weights()
    # Once more, where the disk was full at the end of the last epoch.
    if not checkpoint.up_to_date:
        checkpoint.save_epoch(weights)
    ours.backup.save(len(progress.records))
    records, plan = tuple(progress.records), progress.plan
    write_weights(
        network, weights if checkpoint.weights == "last" else progress.best_weights
    )
    # Not where the user waits for the end.
    answers = None if signals else ask_validation(network, data, ours.observer)
    outcome = Outcome(
        run=run.path,
        records=records,
        best=progress.best or records[-1],
        weights=checkpoint.weights,
        stopped_early=len(records) < plan.epochs,
        duration_seconds=progress.training_seconds,
        diagnosis=judge(config, data, plan, records, answers),
        validation_probabilities=answers,
    )
    names = data.dataset.class_names
    with warnings.catch_warnings():
        # What a library remarks costs no file, where the caller makes errors of it.
        warnings.simplefilter("ignore")
        write_keras_model(run, network, names)
        views = config.evaluation.test_time_augmentation
        note = write_litert_model(run, network, names, views, lambda: bool(signals))
    run.write_metrics(describe_metrics(outcome, plan, data.dataset))
    if note:
        ours.observer.noted(note)
    return outcome


def _refusals_explained(config: Config) -> contextlib.AbstractContextManager[None]:
    if not config.training.deterministic:
        return contextlib.nullcontext()
    return refusals_explained(
        layer.name for layer in flatten_layers(config.model.layers)
    )
