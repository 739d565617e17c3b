"""One training, from the config or a checkpoint to a finished run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from cifarcnn.config.learning_rate_schedules import ReduceLROnPlateau
from cifarcnn.engine import choose_precision
from cifarcnn.errors import DivergedError, RunError, UsageError
from cifarcnn.training.checkpointer import Checkpointer
from cifarcnn.training.course import Course
from cifarcnn.training.diagnosis import diagnose
from cifarcnn.training.keeper import Keeper
from cifarcnn.training.memory_check import explained
from cifarcnn.training.observer import Observer, Outcome, Plan
from cifarcnn.training.preparation import build_callbacks
from cifarcnn.training.pupil import Pupil, build_pupil
from cifarcnn.training.reaction import Reaction
from cifarcnn.training.resume import (
    Continuation,
    describe_moves,
    describe_new_plan,
)
from cifarcnn.training.run_files import (
    describe_environment,
    describe_metrics,
    describe_origin,
    note_divergence,
    read_precision,
    write_environment,
    write_keras_model,
    write_litert_model,
)
from cifarcnn.training.signals import SignalWatch
from cifarcnn.training.training_data import Material

if TYPE_CHECKING:
    from cifarcnn.config import Config
    from cifarcnn.engine import Device
    from cifarcnn.runs import Run
    from cifarcnn.runs.checkpoints import CheckpointState


def train(
    config: Config,
    material: Material,
    run: Run,
    device: Device,
    *,
    continuation: Continuation | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Train the network of ``config`` and write the files of ``run``.

    Keras must have been started on ``device``. Sets Keras's global seed. On SIGINT,
    SIGTERM or SIGHUP, in the main thread, it ends after the current step.

    Args:
        config: With ``data.normalization`` resolved; written to the run as it is.
        material: The images, from ``gather_material``.
        run: A new folder or one whose training goes on; held by this process.
        device: What Keras was started on.
        continuation: How the training goes on; ``None`` for a new one.
        observer: Is told of each step.

    Returns:
        The figures of all epochs.

    Raises:
        DivergedError: The loss or a weight is not finite any more.
        RunError: A file cannot be written, or the checkpoint does not fit.
        UsageError: Early stopping would end the training before it goes on.
        Stopped: A signal came; what was trained is saved.
    """
    observer = observer or Observer()
    checkpoint = continuation.checkpoint if continuation else None
    settings = config.training
    precision = choose_precision(settings.precision, device)
    if checkpoint is not None:
        # With float16 the scale of the loss is among its arrays, else it is not.
        trained_in = read_precision(run)
        if trained_in and "mixed_float16" in (trained_in, precision):
            precision = trained_in
    with SignalWatch() as signals:
        if checkpoint is None:
            # Even when it is killed now, the run can be told for what it is.
            run.write_config(config)
        epochs = 1 if material.smoke else settings.epochs
        with explained(settings.batch_size, resumed=checkpoint is not None):
            pupil = build_pupil(config, material, device, precision, epochs)
        keeper = Keeper(
            run,
            describe_origin(material.dataset, device),
            best_by=settings.best_by,
            weights=settings.weights,
        )
        checkpointer = Checkpointer(run, config, material, pupil, keeper)
        if checkpoint is not None:
            checkpointer.resume(checkpoint)
        state = checkpoint.state if checkpoint else None
        plan = _plan(config, material, pupil, epochs, state)
        reaction = Reaction(
            read_weights=pupil.read_kept,
            plan=plan,
            keeper=keeper,
            checkpointer=checkpointer,
            observer=observer,
            signals=signals,
            rate_at=pupil.rate_at,
            finite_steps=pupil.finite_steps,
        )
        moved_by_callback = isinstance(
            settings.learning_rate_schedule, ReduceLROnPlateau
        )
        course = Course(
            material,
            pupil,
            reaction,
            build_callbacks(config),
            settings.optimizer.learning_rate if moved_by_callback else None,
        )
        if continuation is not None and continuation.extended and course.is_over():
            raise UsageError(_describe_early_end(run, keeper))
        environment = describe_environment(
            material.dataset, device, settings.seed, precision, material.smoke
        )
        before = write_environment(run, environment)
        if continuation is not None:
            _go_on(continuation, run, keeper, pupil, plan, observer)
            moves = describe_moves(before, environment) if before else None
            if moves:
                observer.remarked(moves)
        observer.training_started(plan)
        try:
            with explained(settings.batch_size, resumed=checkpoint is not None):
                course.run(state)
            # Once more, where the disk was full at the end of the last epoch.
            if not keeper.up_to_date:
                keeper.write(pupil.read_kept())
            checkpointer.save(len(keeper.records), 0, 0.0)
            outcome = _conclude(keeper, plan, checkpointer.seconds)
            network = pupil.finished_network()
            write_keras_model(keeper, network)
            reason = write_litert_model(
                keeper, network, config.evaluation.test_time_augmentation
            )
            if reason:
                observer.remarked(reason)
            run.write_metrics(describe_metrics(outcome, plan, material.dataset))
        except DivergedError as error:
            note_divergence(run, str(error))
            raise
        except RunError as error:
            raise RunError(_describe_failure(error, run, checkpointer)) from error
    observer.training_ended(outcome)
    return outcome


def _describe_failure(error: RunError, run: Run, checkpointer: Checkpointer) -> str:
    saved = checkpointer.describe_saved()
    if not saved:
        return str(error)
    return (
        f"{error} {saved} Once this is mended, go on with: cifarcnn train --resume "
        f"{shlex.quote(str(run.path))}"
    )


def _go_on(
    continuation: Continuation,
    run: Run,
    keeper: Keeper,
    pupil: Pupil,
    plan: Plan,
    observer: Observer,
) -> None:
    """Bring the files to where the checkpoint is, and say what is different now."""
    for remark in continuation.remarks:
        observer.remarked(remark)
    if continuation.checkpoint is None:
        return
    run.write_config(continuation.config)
    run.reopen()
    if keeper.records:
        # A kill, or the loss of a newer checkpoint, may have left them ahead.
        keeper.write(None if plan.steps_done else pupil.read_kept())
    if continuation.replanned:
        step = plan.epochs_done * plan.steps_per_epoch + plan.steps_done
        before = keeper.records[-1].learning_rate if keeper.records else None
        observer.remarked(
            describe_new_plan(continuation.config, before, pupil.rate_at(step))
        )


def _describe_early_end(run: Run, keeper: Keeper) -> str:
    return (
        f"Early stopping ended {run.path} after epoch {len(keeper.records)}, and would "
        "do so again at once. To go on, also give --set training.early_stopping=null, "
        "or a longer training.early_stopping.patience."
    )


def _plan(
    config: Config,
    material: Material,
    pupil: Pupil,
    epochs: int,
    state: CheckpointState | None,
) -> Plan:
    validation = material.validation
    return Plan(
        epochs=epochs,
        steps_per_epoch=material.batches.steps,
        batch_size=config.training.batch_size,
        training_images=len(material.split.labels),
        validation_images=len(validation.labels) if validation else 0,
        parameters=pupil.network.count_params(),
        class_count=material.class_count,
        smoke=material.smoke,
        epochs_done=state.epoch if state else 0,
        steps_done=state.step if state else 0,
    )


def _conclude(keeper: Keeper, plan: Plan, duration: float) -> Outcome:
    records = tuple(keeper.records)
    return Outcome(
        run=keeper.run.path,
        records=records,
        best=keeper.best or records[-1],
        weights=keeper.weights,
        stopped_early=len(records) < plan.epochs,
        duration_seconds=duration,
        # A trial on few images says nothing about the network.
        diagnosis=() if plan.smoke else diagnose(records, plan.class_count),
    )
