"""The program from Python: what the commands call, for notebooks and scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cifarcnn.config import ChannelStatistics, Config, load_config
from cifarcnn.loaded_run import LoadedRun, load_run, open_config_data
from cifarcnn.runs import ROOT, Run

if TYPE_CHECKING:
    import keras

    from cifarcnn.data.fetching.observer import FetchObserver
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.training import Observer

__all__ = ["LoadedRun", "build_model", "load_config", "load_run", "train"]


def build_model(config: Config) -> keras.Model:
    """The untrained network of a config: an ordinary ``keras.Model``.

    Args:
        config: With ``standard`` normalization only after
            ``config.with_normalization(statistics)``.

    Returns:
        uint8 ``(n, 32, 32, 3)`` to probabilities ``(n, classes)``.

    Raises:
        UsageError: The normalization is still to be measured.
        DataError: The classes of a ``folder`` are not named in the config, and the
            folder cannot be read.
    """
    from cifarcnn.network import build_model as build

    count = config.class_count
    return build(config, count or len(open_config_data(config).class_names))


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
    from cifarcnn import engine, training
    from cifarcnn.data import measure_statistics

    observer = observer or training.Observer()
    # What can fail at once comes before the seconds that the framework takes.
    if config.data.fetch if fetch is None else fetch:
        from cifarcnn.data.fetching.obtaining import fetch_when_missing

        data = config.data
        fetch_when_missing(data.dataset, data.path, data.sources, fetch_observer)
    dataset = open_config_data(config)
    material = training.gather_material(config, dataset, smoke)
    started = engine.start(device)
    observer.device_started(started)
    observer.data_opened(dataset)
    if config.data.normalization == "standard":
        pictures, _ = dataset.training(
            config.data.validation_fraction, config.training.seed
        )
        mean, deviation = measure_statistics(pictures.images)
        config = config.with_normalization(
            ChannelStatistics(mean=list(mean), deviation=list(deviation))
        )
    made = Run.create(ROOT, config.name) if run is None else Run.at(Path(run))
    observer.run_created(made)
    training.train(config, material, made, started, observer=observer)
    return load_run(made.path, device=device)
