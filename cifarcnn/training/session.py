"""One training, from the config to a finished run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cifarcnn.engine import choose_precision
from cifarcnn.network import (
    build_fast_twin,
    build_model,
    normalization,
    read_weights,
    set_whitening,
    write_weights,
)
from cifarcnn.training.augmentation import Augmentation, build_augmentation
from cifarcnn.training.averages import (
    Averages,
    as_swap_callback,
    rule_of,
    with_averages,
)
from cifarcnn.training.batches import Batches, as_keras_dataset
from cifarcnn.training.diagnosis import diagnose
from cifarcnn.training.files import (
    describe_environment,
    describe_metrics,
    describe_origin,
    write_keras_model,
    write_litert_model,
)
from cifarcnn.training.keeper import Keeper
from cifarcnn.training.objective import accuracy, crossentropy, weigh_classes
from cifarcnn.training.observer import Observer, Outcome, Plan
from cifarcnn.training.pictures import training_model
from cifarcnn.training.preparation import (
    build_callbacks,
    build_optimizer,
    choose_for_smoke,
    steps_per_execution,
)
from cifarcnn.training.reaction import Reaction, as_keras_callback
from cifarcnn.training.signals import SignalWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

    from cifarcnn.config import Config
    from cifarcnn.data import Dataset, Split
    from cifarcnn.engine import Device
    from cifarcnn.runs import Run
    from cifarcnn.training.keeper import Arrays

# Validation needs no gradients, so a larger batch fits and costs less.
_VALIDATION_BATCH = 500


def train(
    config: Config,
    dataset: Dataset,
    run: Run,
    device: Device,
    *,
    smoke: bool = False,
    observer: Observer | None = None,
) -> Outcome:
    """Train the network of ``config`` and write the files of ``run``.

    Keras must have been started on ``device``. Sets Keras's global seed. On SIGINT or
    SIGTERM, in the main thread, it ends after the current step.

    Args:
        config: With ``data.normalization`` resolved; written to the run as it is.
        dataset: The pictures.
        run: A new folder.
        device: What Keras was started on.
        smoke: Train one epoch on at most 512 pictures, to see that everything works.
        observer: Is told of each step.

    Returns:
        The figures of all epochs.

    Raises:
        UsageError: The config and the data set do not fit together.
        RunError: The loss is not finite any more, or a file cannot be written.
        Stopped: A signal came; what was trained is saved.
    """
    import keras

    observer = observer or Observer()
    settings = config.training
    precision = choose_precision(settings.precision, device)
    split, validation = dataset.training(config.data.validation_fraction, settings.seed)
    if smoke:
        split = choose_for_smoke(split)
        validation = choose_for_smoke(validation) if validation else None
    class_count = len(dataset.class_names)
    weights = weigh_classes(settings.class_weights, split.labels, dataset.class_names)
    augmentation = build_augmentation(
        config.data.augmentation, settings.seed, len(split.labels)
    )
    batches = Batches(
        split.labels,
        settings.batch_size,
        settings.seed,
        weights,
        settings.drop_remainder,
        augmentation,
        class_count,
    )

    run.write_config(config)
    run.write_environment(
        describe_environment(dataset, device, settings.seed, precision)
    )
    with SignalWatch() as signals:
        keras.utils.set_random_seed(settings.seed)
        model = build_model(config, class_count)
        seen = normalization(config)
        set_whitening(model, config.model.layers, split.images, *seen)
        twin = build_fast_twin(config, class_count, precision)
        write_weights(twin, read_weights(model))
        plan = Plan(
            epochs=1 if smoke else settings.epochs,
            steps_per_epoch=batches.steps,
            batch_size=settings.batch_size,
            training_pictures=len(split.labels),
            validation_pictures=len(validation.labels) if validation else 0,
            parameters=model.count_params(),
            class_count=class_count,
            smoke=smoke,
        )
        pupil = training_model(twin, _all_images(split, validation), augmentation)
        pupil, read_kept, swaps = _averaged(
            pupil, twin, settings.averaging, plan.epochs * plan.steps_per_epoch
        )
        optimizer, rate_at = build_optimizer(
            config, plan.epochs, plan.steps_per_epoch, pupil.trainable_variables
        )
        if precision == "mixed_float16":
            # Small gradients would be nothing; Keras wraps only where a global says so.
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        pupil.compile(
            optimizer=optimizer,
            loss=crossentropy(settings.label_smoothing, class_count),
            metrics=[accuracy()],
            steps_per_execution=min(
                steps_per_execution(config, device.kind), plan.steps_per_epoch
            ),
        )
        keeper = Keeper(
            run,
            describe_origin(dataset, device),
            best_by=settings.best_by,
            weights=settings.weights,
        )
        reaction = Reaction(
            read_weights=read_kept,
            plan=plan,
            keeper=keeper,
            observer=observer,
            signals=signals,
            rate_at=rate_at,
        )
        observer.training_started(plan)
        begin = time.perf_counter()
        feed = as_keras_dataset(batches)
        pupil.fit(
            feed,
            epochs=plan.epochs,
            # Ours first: an epoch is saved before anything may end the training.
            callbacks=[
                *swaps,
                as_keras_callback(reaction, feed),
                *build_callbacks(config),
            ],
            validation_data=_validation_data(plan, validation, augmentation),
            validation_batch_size=_VALIDATION_BATCH,
            shuffle=False,
            verbose=0,
        )
        duration = time.perf_counter() - begin
        outcome = _conclude(keeper, plan, duration)
        write_weights(model, read_kept())
        write_keras_model(keeper, model)
        reason = write_litert_model(
            keeper, model, config.evaluation.test_time_augmentation
        )
        if reason:
            observer.remarked(reason)
        run.write_metrics(describe_metrics(outcome, plan, dataset))
    observer.training_ended(outcome)
    return outcome


def _averaged(
    pupil: keras.Model, twin: keras.Model, averaging: Any, total_steps: int
) -> tuple[keras.Model, Callable[[], Arrays], list[Any]]:
    """The model to train, what reads the weights to keep, and callbacks for it."""
    if averaging is None:
        return pupil, lambda: read_weights(twin), []
    averages = Averages(twin.weights, rule_of(averaging, total_steps))
    model = with_averages(pupil, averages)
    return model, averages.read, [as_swap_callback(averages)]


def _all_images(split: Split, validation: Split | None) -> Any:
    import numpy as np

    if validation is None:
        return split.images
    return np.concatenate([split.images, validation.images])


def _validation_data(
    plan: Plan, validation: Split | None, augmentation: Augmentation | None
) -> tuple[Any, Any] | None:
    """Indices and labels of the validation pictures, which follow those to learn."""
    import numpy as np

    if validation is None:
        return None
    first = plan.training_pictures
    index = np.arange(first, first + plan.validation_pictures, dtype=np.int32)
    inputs = {"index": index}
    if augmentation is not None:
        inputs |= augmentation.draw_nothing(len(index))
    return inputs, validation.labels.astype(np.int32)


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
