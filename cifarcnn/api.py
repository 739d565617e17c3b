"""The program from Python: what the commands call, for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.config import Config, load_config
from cifarcnn.loaded_run import LoadedRun, load_run
from cifarcnn.runs import ROOT, Run
from cifarcnn.runs.file_lock import lock_run

if TYPE_CHECKING:
    import keras

    from cifarcnn.data.fetching.sources import FetchObserver
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.evaluation import Evaluation
    from cifarcnn.literals import BackendChoice
    from cifarcnn.trained_run import SplitChoice
    from cifarcnn.training.observer import Observer
    from cifarcnn.training.stop_request import StopRequest

__all__ = [
    "LoadedRun",
    "build_model",
    "load_config",
    "load_run",
    "resume",
    "train",
    "write_evaluation",
]


def build_model(config: Config) -> keras.Model:
    """The untrained network of a config: an ordinary ``keras.Model``.

    A layer ``Pretrained`` begins at random too: a training loads its weights.

    Args:
        config: With ``standard`` normalization only after
            ``config.with_normalization(statistics)``.

    Returns:
        uint8 ``(n, height, width, 3)`` to probabilities ``(n, classes)``.

    Raises:
        UsageError: The normalization is still to be measured.
        DataError: The classes of a ``folder`` are not named in the config, and the
            folder cannot be read.
    """
    from cifarcnn.data.dataset import open_config_dataset

    count = config.class_count or len(open_config_dataset(config).class_names)
    # Keras only where the data is there.
    from cifarcnn.network.builder import build_model as build

    return build(config, count)


def train(
    config: Config,
    run: str | Path | None = None,
    *,
    device: DeviceChoice = "auto",
    backend: BackendChoice | None = None,
    smoke: bool = False,
    observer: Observer | None = None,
    fetch: bool | None = None,
    fetch_observer: FetchObserver | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    request: StopRequest | None = None,
) -> LoadedRun:
    """Train the network of a config, and keep everything in the folder of a run.

    Args:
        config: From ``load_config``.
        run: A new or empty folder; None takes the next free one under ``./runs``.
        device: ``gpu`` insists on one; ``auto`` takes one when there is one.
        backend: ``tensorflow``, ``jax`` or ``auto``; None leaves it to the environment
            variable ``KERAS_BACKEND``, and that to the config (``training.backend``).
            Where Keras was imported before, it stays on what it runs on.
        smoke: Only a few steps, to see that everything works.
        observer: Told about every step; see ``cifarcnn.training.observer.Observer``.
        fetch: Whether CIFAR is fetched when it is in none of the usual places; None
            does as the config says (``data.fetch``). Never with ``$CIFARCNN_OFFLINE``.
            The same of the ImageNet weights of ``Pretrained``, which None fetches.
        fetch_observer: Told about the fetching.
        callbacks: Keras callbacks of your own, given to ``fit`` behind ours and behind
            ``EarlyStopping``, so that an epoch is saved before they hear of its end.
            ``self.model`` is what is trained: from indices of images to logits, with
            the weights of the network in its layer ``logits``; where the features of
            frozen layers are computed once, of what follows them. Fine-tuning is a fit
            of its own, with another ``self.model``. Epochs and steps are
            counted as Keras counts them, from 0, and the figures are ``loss``,
            ``accuracy``, ``val_loss`` and ``val_accuracy``. Several steps may run
            between two calls (``training.steps_per_execution``). To end the training
            set ``self.model.stop_training = True``; an epoch that is not over counts as
            finished then, as in Keras.
        request: What ends several trainings in a row, at one time or by one signal;
            None: ``training.max_minutes``, and signals while this one goes on.

    Returns:
        The run with the weights that it settled on.

    Raises:
        DeviceError: The device or the backend cannot be used.
        DataError: The data set or the weights to begin with are not here, could not be
            fetched, or are damaged.
        RunError: The folder is not empty, or cannot be written.
        UsageError: The network does not fit the classes of the data, or ``callbacks``
            holds something else.
        Stopped: A signal ended the training; what was trained is kept. As
            ``TimeIsUp`` where ``training.max_minutes`` did.
    """
    from cifarcnn.training.observer import Observer
    from cifarcnn.training.preparation import load_data, start_device

    observer = observer or Observer()
    data = load_data(config, smoke, fetch, fetch_observer, observer)
    started = start_device(device, backend, config, data, observer, callbacks, fetch)
    # Only now that Keras runs on its device.
    from cifarcnn.data.statistics import with_measured_normalization
    from cifarcnn.page.reported_training import train_and_report

    config = with_measured_normalization(config, data.dataset)
    made = Run.create(ROOT, config.name) if run is None else Run.at(Path(run))
    with lock_run(made.path):
        observer.run_created(made)
        train_and_report(
            config, data, made, started, observer, callbacks, request=request
        )
    return load_run(made.path, device=device, backend=backend)


def resume(
    run: str | Path,
    overrides: Mapping[str, object] | None = None,
    *,
    device: DeviceChoice = "auto",
    backend: BackendChoice | None = None,
    observer: Observer | None = None,
    fetch: bool | None = None,
    fetch_observer: FetchObserver | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> LoadedRun:
    """Go on with a training that was cut short, or make a finished one longer.

    On the CPU of the same machine, with the same versions and number of threads, the
    result is, bit for bit, that of a training without interruption. A finished run is
    left as it is, unless it is given more epochs.

    Args:
        run: Its folder.
        overrides: Values by dotted key, such as ``{"training.epochs": 20}``. Most
            settings cannot change in the middle.
        device: As for :func:`train`.
        backend: As for :func:`train`. Where nobody asks for one, it is the one of
            before, if it is installed.
        observer: Told about every step, and of all that is different now.
        fetch: As for :func:`train`.
        fetch_observer: Told about the fetching.
        callbacks: As for :func:`train`. They hear of what is trained now, and not of
            the steps and epochs before. An epoch that was cut short is a ``fit`` of
            its own, so that they hear ``on_train_begin`` and ``on_train_end`` twice.

    Returns:
        The run with the weights that it settled on.

    Raises:
        ConfigError: The config of the run, or a value in ``overrides``, is wrong.
        UsageError: A setting that is to change cannot, or ``callbacks`` holds
            something else.
        RunError: There is no such run, another process trains in it, its checkpoints
            are damaged, or it was trained on other data.
        DeviceError: The device or the backend cannot be used.
        DataError: The data set is not here, could not be fetched, or is damaged.
        Stopped: A signal ended the training; what was trained is kept. As
            ``TimeIsUp`` where ``training.max_minutes`` did.
    """
    opened = Run.open(Path(run))
    # Also sees that the config stands for itself.
    config = opened.config
    if overrides:
        config = load_config(opened.config_path, overrides)
    continue_training(
        opened,
        config,
        device=device,
        backend=backend,
        observer=observer,
        fetch=fetch,
        fetch_observer=fetch_observer,
        callbacks=callbacks,
    )
    return load_run(opened.path, device=device, backend=backend)


def continue_training(
    opened: Run,
    config: Config,
    *,
    device: DeviceChoice = "auto",
    backend: BackendChoice | None = None,
    observer: Observer | None = None,
    fetch: bool | None = None,
    fetch_observer: FetchObserver | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    request: StopRequest | None = None,
) -> None:
    """As :func:`resume`, with a config that is checked already; loads nothing.

    Args:
        opened: The run.
        config: Of the run, with what is to change.
        device: As for :func:`resume`, and so are all the others.
    """
    from cifarcnn.training.observer import Observer
    from cifarcnn.training.preparation import load_data, start_device
    from cifarcnn.training.resume import (
        describe_finished,
        plan_resume,
        require_same_images,
    )

    observer = observer or Observer()
    with lock_run(opened.path):
        plan = plan_resume(opened, config)
        if plan is None:
            observer.noted(describe_finished(opened))
            return
        data = load_data(config, plan.smoke, fetch, fetch_observer, observer)
        require_same_images(opened, plan, data.dataset)
        started = start_device(
            device, backend, config, data, observer, callbacks, fetch, plan
        )
        from cifarcnn.page.reported_training import train_and_report

        observer.run_created(opened)
        train_and_report(
            config, data, opened, started, observer, callbacks, plan, request
        )


def write_evaluation(
    run: LoadedRun,
    evaluation: Evaluation,
    folder: str | Path,
    split: SplitChoice = "test",
) -> list[Path]:
    """Write the plots of an evaluation, as SVG and PNG, and ``predictions.csv``.

    Args:
        run: That was judged; of several together any.
        evaluation: What came of it.
        folder: Made where it is missing.
        split: The images that it was judged on.

    Returns:
        The files.

    Raises:
        UsageError: One of the files is there already, or they cannot be written; then
            none is.
    """
    from cifarcnn.evaluation.predictions_table import write_predictions_table
    from cifarcnn.evaluation_files import PREDICTIONS, require_free, write_files
    from cifarcnn.page.evaluation_plots import draw_evaluation

    require_free(Path(folder))
    names = run.class_names
    table = write_predictions_table(evaluation, names, run.image_names(split))
    plots = draw_evaluation(evaluation, run.split(split).images, names)
    # Names of files may hold what no text can.
    content = {PREDICTIONS: table.encode("utf-8", "backslashreplace"), **plots}
    return write_files(Path(folder), content)
