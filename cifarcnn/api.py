"""The program from Python: what the commands call, for notebooks and scripts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.config import ChannelStatistics, Config, load_config
from cifarcnn.errors import DataError, RunError
from cifarcnn.loaded_run import LoadedRun, load_run
from cifarcnn.runs import ROOT, Run
from cifarcnn.runs.file_lock import lock_run

if TYPE_CHECKING:
    import keras

    from cifarcnn.data.dataset import Dataset
    from cifarcnn.data.fetching.events import FetchObserver
    from cifarcnn.engine import Device, DeviceChoice
    from cifarcnn.training import Material, Observer

__all__ = ["LoadedRun", "build_model", "load_config", "load_run", "resume", "train"]


def build_model(config: Config) -> keras.Model:
    """The untrained network of a config: an ordinary ``keras.Model``.

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
    from cifarcnn.data.registry import open_config_dataset

    count = config.class_count or len(open_config_dataset(config).class_names)
    # Keras only where the data is there.
    from cifarcnn.network.builder import build_model as build

    return build(config, count)


def train(
    config: Config,
    run: str | Path | None = None,
    *,
    device: DeviceChoice = "auto",
    smoke: bool = False,
    observer: Observer | None = None,
    fetch: bool | None = None,
    fetch_observer: FetchObserver | None = None,
) -> LoadedRun:
    """Train the network of a config, and keep everything in the folder of a run.

    Args:
        config: From ``load_config``.
        run: A new or empty folder; None takes the next free one under ``./runs``.
        device: ``gpu`` insists on one; ``auto`` takes one when there is one.
        smoke: Only a few steps, to see that everything works.
        observer: Told about every step; see ``cifarcnn.training.Observer``.
        fetch: Whether CIFAR is fetched when it is in none of the usual places; None
            does as the config says (``data.fetch``). Never with ``$CIFARCNN_OFFLINE``.
        fetch_observer: Told about the fetching.

    Returns:
        The run with the weights that it settled on.

    Raises:
        DeviceError: The device cannot be used.
        DataError: The data set is not here, could not be fetched, or is damaged.
        RunError: The folder is not empty, or cannot be written.
        UsageError: The network does not fit the classes of the data.
        Stopped: A signal ended the training; what was trained is kept.
    """
    from cifarcnn import training

    observer = observer or training.Observer()
    dataset, material = _gather(config, smoke, fetch, fetch_observer)
    started = _start(device, config, material, observer)
    config = _measured(config, dataset)
    made = Run.create(ROOT, config.name) if run is None else Run.at(Path(run))
    with lock_run(made.path):
        observer.run_created(made)
        training.train(config, material, made, started, observer=observer)
    return load_run(made.path, device=device)


def resume(
    run: str | Path,
    overrides: Mapping[str, object] | None = None,
    *,
    device: DeviceChoice = "auto",
    observer: Observer | None = None,
    fetch: bool | None = None,
    fetch_observer: FetchObserver | None = None,
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
        observer: Told about every step, and of all that is different now.
        fetch: As for :func:`train`.
        fetch_observer: Told about the fetching.

    Returns:
        The run with the weights that it settled on.

    Raises:
        ConfigError: The config of the run, or a value in ``overrides``, is wrong.
        UsageError: A setting that is to change cannot.
        RunError: There is no such run, another process trains in it, its checkpoints
            are damaged, or it was trained on other data.
        DeviceError: The device cannot be used.
        DataError: The data set is not here, could not be fetched, or is damaged.
        Stopped: A signal ended the training; what was trained is kept.
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
        observer=observer,
        fetch=fetch,
        fetch_observer=fetch_observer,
    )
    return load_run(opened.path, device=device)


def continue_training(
    opened: Run,
    config: Config,
    *,
    device: DeviceChoice = "auto",
    observer: Observer | None = None,
    fetch: bool | None = None,
    fetch_observer: FetchObserver | None = None,
) -> None:
    """As :func:`resume`, with a config that is checked already; loads nothing.

    Args:
        opened: The run.
        config: Of the run, with what is to change.
        device: As for :func:`train`, and so are the others.
        observer: Told about every step.
        fetch: Whether CIFAR is fetched.
        fetch_observer: Told about the fetching.
    """
    from cifarcnn import training

    observer = observer or training.Observer()
    with lock_run(opened.path):
        plan = training.plan_continuation(opened, config)
        if plan is None:
            observer.remarked(
                f"{opened.path} is finished. To train it further: cifarcnn train "
                f"--resume {shlex.quote(str(opened.path))} --set training.epochs=NUMBER"
            )
            return
        dataset, material = _gather(config, plan.smoke, fetch, fetch_observer)
        trained_on = plan.checkpoint.state.data_checksum if plan.checkpoint else None
        if trained_on not in (None, dataset.checksum):
            raise RunError(
                f"{opened.path} was trained on other pictures than those in "
                f"{dataset.origin}: their checksums differ. Say where the right ones "
                "are with --set data.path=PATH."
            )
        resumed = plan.checkpoint is not None
        started = _start(device, config, material, observer, resumed)
        observer.run_created(opened)
        training.train(
            config, material, opened, started, continuation=plan, observer=observer
        )


def _gather(
    config: Config,
    smoke: bool,
    fetch: bool | None,
    fetch_observer: FetchObserver | None,
) -> tuple[Dataset, Material]:
    """The images; what can fail at once comes before the framework's seconds."""
    from cifarcnn import training
    from cifarcnn.data.registry import open_config_dataset

    if config.data.fetch if fetch is None else fetch:
        from cifarcnn.data.fetching.ensure_cifar import fetch_when_missing

        data = config.data
        fetch_when_missing(data.dataset, data.path, data.sources, fetch_observer)
    dataset = open_config_dataset(config)
    return dataset, training.gather_material(config, dataset, smoke)


def _start(
    device: DeviceChoice,
    config: Config,
    material: Material,
    observer: Observer,
    resumed: bool = False,
) -> Device:
    from cifarcnn import engine, training

    started = engine.start(device)
    observer.device_started(started)
    observer.data_opened(material.dataset)
    doubt = training.require_memory(config, material, started, resumed=resumed)
    if doubt:
        observer.remarked(doubt)
    return started


def _measured(config: Config, dataset: Dataset) -> Config:
    """The config with numbers in place of ``standard`` normalization."""
    from cifarcnn.data.statistics import measure_statistics

    if config.data.normalization != "standard":
        return config
    images, _ = dataset.training(config.data.validation_fraction, config.training.seed)
    mean, deviation = measure_statistics(images.images)
    for channel, value in zip(("red", "green", "blue"), deviation, strict=True):
        if value == 0:
            raise DataError(
                f"The {channel} is the same everywhere in the training pictures, so "
                "that data.normalization: standard has no deviation to divide by. Set "
                "data.normalization: unit."
            )
    return config.with_normalization(
        ChannelStatistics(mean=list(mean), deviation=list(deviation))
    )
