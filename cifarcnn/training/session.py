"""One training, from the config to a finished run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cifarcnn.engine import choose_precision
from cifarcnn.training.batches import as_keras_dataset
from cifarcnn.training.diagnosis import diagnose
from cifarcnn.training.files import (
    describe_environment,
    describe_metrics,
    describe_origin,
    write_keras_model,
    write_litert_model,
)
from cifarcnn.training.keeper import Keeper
from cifarcnn.training.material import Material
from cifarcnn.training.observer import Observer, Outcome, Plan
from cifarcnn.training.preparation import build_callbacks
from cifarcnn.training.pupil import Pupil, build_pupil
from cifarcnn.training.reaction import Reaction, as_keras_callback
from cifarcnn.training.signals import SignalWatch

if TYPE_CHECKING:
    from cifarcnn.config import Config
    from cifarcnn.engine import Device
    from cifarcnn.runs import Run

# Validation needs no gradients, so a larger batch fits and costs less.
_VALIDATION_BATCH = 500


def train(
    config: Config,
    material: Material,
    run: Run,
    device: Device,
    *,
    observer: Observer | None = None,
) -> Outcome:
    """Train the network of ``config`` and write the files of ``run``.

    Keras must have been started on ``device``. Sets Keras's global seed. On SIGINT or
    SIGTERM, in the main thread, it ends after the current step.

    Args:
        config: With ``data.normalization`` resolved; written to the run as it is.
        material: The pictures, from ``gather_material``.
        run: A new folder.
        device: What Keras was started on.
        observer: Is told of each step.

    Returns:
        The figures of all epochs.

    Raises:
        RunError: The loss is not finite any more, or a file cannot be written.
        Stopped: A signal came; what was trained is saved.
    """
    observer = observer or Observer()
    settings = config.training
    precision = choose_precision(settings.precision, device)
    dataset = material.dataset
    run.write_config(config)
    run.write_environment(
        describe_environment(dataset, device, settings.seed, precision)
    )
    with SignalWatch() as signals:
        epochs = 1 if material.smoke else settings.epochs
        pupil = build_pupil(config, material, device, precision, epochs)
        plan = _plan(config, material, pupil, epochs)
        keeper = Keeper(
            run,
            describe_origin(dataset, device),
            best_by=settings.best_by,
            weights=settings.weights,
        )
        reaction = Reaction(
            read_weights=pupil.read_kept,
            plan=plan,
            keeper=keeper,
            observer=observer,
            signals=signals,
            rate_at=pupil.rate_at,
        )
        observer.training_started(plan)
        begin = time.perf_counter()
        feed = as_keras_dataset(material.batches)
        pupil.model.fit(
            feed,
            epochs=epochs,
            # Ours first: an epoch is saved before anything may end the training.
            callbacks=[
                *pupil.callbacks,
                as_keras_callback(reaction, feed),
                *build_callbacks(config),
            ],
            validation_data=material.validation_data(),
            validation_batch_size=_VALIDATION_BATCH,
            shuffle=False,
            verbose=0,
        )
        outcome = _conclude(keeper, plan, time.perf_counter() - begin)
        network = pupil.finished_network()
        write_keras_model(keeper, network)
        reason = write_litert_model(
            keeper, network, config.evaluation.test_time_augmentation
        )
        if reason:
            observer.remarked(reason)
        run.write_metrics(describe_metrics(outcome, plan, dataset))
    observer.training_ended(outcome)
    return outcome


def _plan(config: Config, material: Material, pupil: Pupil, epochs: int) -> Plan:
    validation = material.validation
    return Plan(
        epochs=epochs,
        steps_per_epoch=material.batches.steps,
        batch_size=config.training.batch_size,
        training_pictures=len(material.split.labels),
        validation_pictures=len(validation.labels) if validation else 0,
        parameters=pupil.network.count_params(),
        class_count=material.class_count,
        smoke=material.smoke,
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
        # A trial on few pictures says nothing about the network.
        diagnosis=() if plan.smoke else diagnose(records, plan.class_count),
    )
