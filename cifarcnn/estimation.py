"""How long a training will take, from a few of its steps that nobody keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cifarcnn.config import Config

if TYPE_CHECKING:
    from cifarcnn.engine import DeviceChoice
    from cifarcnn.literals import BackendChoice
    from cifarcnn.training.trial import Trial


def estimate_training(
    config: Config,
    *,
    device: DeviceChoice = "auto",
    backend: BackendChoice | None = None,
) -> Trial:
    """Try the training of a config on a device, with images that are made up.

    No run and no file is written, no weights are fetched, and the data set need not be
    here: of a folder the pictures are counted.

    Args:
        config: From ``load_config``.
        device: As for ``cifarcnn.train``.
        backend: As for ``cifarcnn.train``.

    Raises:
        DataError: The folder of the config is there, and cannot be trained on.
        DeviceError: The device or the backend cannot be used.
        RunError: The memory is not enough.
        UsageError: The network does not fit the classes.
    """
    from cifarcnn import engine

    started = engine.start(
        device,
        backend,
        configured=config.training.backend,
        deterministic=config.training.deterministic,
        devices=config.training.devices,
    )
    # Only now that Keras runs on its device.
    from cifarcnn.training.preparation import require_divisible
    from cifarcnn.training.trial import try_training

    require_divisible(config.training.batch_size, started)
    return try_training(config, started)
