"""What comes before the first step: the images, the device, and what both must hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cifarcnn.config import Config
from cifarcnn.errors import UsageError
from cifarcnn.literals import BackendChoice
from cifarcnn.training.observer import Observer

if TYPE_CHECKING:
    import keras

    from cifarcnn.data.fetching.sources import FetchObserver
    from cifarcnn.engine import Device, DeviceChoice
    from cifarcnn.engine.hosts import Meeting
    from cifarcnn.training.resume import ResumePlan
    from cifarcnn.training.training_data import TrainingData


def require_divisible(batch_size: int, device: Device) -> None:
    """See that each device has as many pictures of a batch as the others.

    Raises:
        UsageError: It would not.
    """
    if rest := batch_size % device.count:
        fitting = max(batch_size - rest, device.count)
        raise UsageError(
            f"A batch of {batch_size:,} pictures (training.batch_size) cannot be "
            f"divided among {device.count} devices. Use training.batch_size="
            f"{fitting}, or another number of devices (training.devices)."
        )


def load_data(
    config: Config,
    smoke: bool,
    fetch: bool | None,
    fetch_observer: FetchObserver | None,
    observer: Observer,
) -> TrainingData:
    """The images; what can fail at once comes before the framework's seconds.

    Args:
        config: Of the training.
        smoke: Whether it is only a trial on few images.
        fetch: As for ``cifarcnn.train``, and so is ``fetch_observer``.
        observer: Is told of the decoding.

    Raises:
        ConfigError: A tracker that the config names is not installed.
        DataError: The data set is not here, could not be fetched, or is damaged.
        UsageError: The network does not fit the classes of the data.
    """
    from cifarcnn.config.tracking import require_trackers

    require_trackers(config.training.tracking)
    from cifarcnn.data.dataset import open_config_dataset
    from cifarcnn.data.decoding.observer import decoding_observed_by
    from cifarcnn.training.training_data import load_training_data

    if config.data.fetch if fetch is None else fetch:
        from cifarcnn.data.fetching.ensure_cifar import fetch_when_missing

        data = config.data
        fetch_when_missing(data.dataset, data.path, data.sources, fetch_observer)
    with decoding_observed_by(observer):
        dataset = open_config_dataset(config)
    loaded = load_training_data(config, dataset, smoke)
    loaded.dataset.require_different_images(config)
    return loaded


def start_device(
    device: DeviceChoice,
    backend: BackendChoice | None,
    config: Config,
    data: TrainingData,
    observer: Observer,
    callbacks: Sequence[keras.callbacks.Callback],
    fetch: bool | None,
    resume: ResumePlan | None = None,
    meeting: Meeting | None = None,
) -> Device:
    """Start Keras on its device, and fetch the weights to begin with.

    Args:
        device: As for ``cifarcnn.train``, and so are ``backend``, ``callbacks`` and
            ``fetch``.
        config: Of the training.
        data: Its images.
        observer: Is told of the device, the data set, and what the user should know.
        resume: Of a training that goes on.
        meeting: With the other hosts that train; ``None``: there are none.

    Raises:
        DataError: The weights to begin with are not here, or could not be fetched.
        DeviceError: The device or the backend cannot be used.
        RunError: The memory is not enough.
        UsageError: ``callbacks`` holds something else.
    """
    from cifarcnn import engine
    from cifarcnn.network.weights_file import require_weights

    resumed = resume is not None and resume.checkpoint is not None
    if not resumed:
        # Said before the framework's seconds; fetched only after them, by Keras.
        require_weights(config, fetch)
    started = engine.start(
        device,
        backend,
        configured=config.training.backend,
        before=resume.backend if resume else None,
        deterministic=config.training.deterministic,
        devices=config.training.devices,
        meeting=meeting,
    )
    require_divisible(config.training.batch_size, started)
    observer.device_started(started)
    observer.data_opened(data.dataset)
    from cifarcnn.network.pretrained_weights import fetch_weights
    from cifarcnn.training.callbacks.user_callbacks import require_callbacks
    from cifarcnn.training.memory_check import require_memory
    from cifarcnn.training.training_data import describe_training_data

    require_callbacks(callbacks)
    for note in describe_training_data(config, data):
        observer.noted(note)
    if not resumed:
        fetch_weights(config, fetch, observer.noted)
    if doubt := require_memory(config, data, started, resumed=resumed):
        observer.noted(doubt)
    return started
