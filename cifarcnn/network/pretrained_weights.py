"""The weights that a network of ``keras.applications`` begins with."""

from __future__ import annotations

import contextlib
import io
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import keras
import numpy as np

from cifarcnn.config import Config
from cifarcnn.config.layers.applications import find_application
from cifarcnn.config.layers.pretrained import IMAGENET, NO_WEIGHTS, Pretrained
from cifarcnn.errors import DataError, first_line
from cifarcnn.network.pretrained import DEVIATION, build_application
from cifarcnn.network.weights import to_numpy
from cifarcnn.network.weights_file import (
    WeightsFile,
    find_weights_file,
    require_weights,
    weights_path,
)

# A server that is silent for so long is given up.
_SILENCE_SECONDS = 60.0


def fetch_weights(
    config: Config, fetch: bool | None, noted: Callable[[str], None]
) -> None:
    """Have the ImageNet weights that a config names in Keras's cache.

    Args:
        config: With or without a layer ``Pretrained``.
        fetch: As for ``require_weights``.
        noted: Is told when something is fetched.

    Raises:
        DataError: They are not here, and could or should not be fetched.
    """
    file = require_weights(config, fetch)
    if file is None:
        return
    # Four bytes for each.
    megabytes = round(find_application(file.application).parameters * 4 / 1e6)
    noted(
        f"The ImageNet weights of {file.application}, about {megabytes:,} MB, are "
        f"fetched from {file.url}"
    )
    _fetch(file)


def _fetch(file: WeightsFile) -> None:
    """Fetch a file as Keras does, but put it at its place only when it is whole."""
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(
                prefix=".fetched-", dir=file.path.parent
            ) as folder,
            # Its bar would stand among the results.
            contextlib.redirect_stdout(io.StringIO()),
            _silence_limited(),
        ):
            fetched = keras.utils.get_file(
                file.path.name, file.url, cache_subdir=folder, file_hash=file.hash
            )
            Path(fetched).replace(file.path)
    # Keras raises plain exceptions for what the server answers.
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        if isinstance(answer := error.__context__, HTTPError):
            # Keras leaves it open.
            answer.close()
        cause = first_line(error).removeprefix(f"URL fetch failure on {file.url}: ")
        cause = cause.removeprefix("None -- ")
        raise file.explain(f"could not be fetched: {cause}") from error


@contextlib.contextmanager
def _silence_limited() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def load_application_weights(backbone: keras.Model, layer: Pretrained) -> None:
    """Set the weights of a backbone that is a published network from a file.

    Args:
        backbone: From ``build_pretrained``.
        layer: Its layer of the config. With ``weights: none`` nothing is done.

    Raises:
        DataError: The file is missing or damaged, or does not fit the network.
    """
    if layer.application is None or layer.weights == NO_WEIGHTS:
        return
    shape = backbone.input_shape[1:]
    path = weights_path(layer)
    if layer.weights == IMAGENET:
        path = find_weights_file(layer, shape).path
    application = build_application(layer, shape)
    try:
        application.load_weights(str(path))
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise DataError(
            f"The weights in {path} cannot be loaded into {layer.application} without "
            f"its classifier: {first_line(error)}"
        ) from error
    _copy(application, backbone, published=layer.weights == IMAGENET)


def _copy(
    application: keras.Model, backbone: keras.Model, *, published: bool = False
) -> None:
    """Give the layers made again the weights of Keras's own, in the same order."""
    values = [weight for weight in application.weights if weight.name != "count"]
    for value, weight in zip(values, backbone.weights, strict=True):
        array = to_numpy(value)
        if value.name == "variance":
            array = array * _published_factor(array, published)
        weight.assign(np.reshape(array, weight.shape))


def _published_factor(variance: np.ndarray[Any, Any], published: bool) -> Any:
    """What the first version's files leave to a layer that Keras adds for them.

    EfficientNet divides by the deviation, but the files hold it as the variance; Keras
    divides by its root once more, where it fetches them itself
    (github.com/tensorflow/tensorflow/issues/49930). A file of one's own that holds the
    same is a copy of them.
    """
    deviation = np.asarray(DEVIATION, variance.dtype)
    if published or np.allclose(variance, deviation, rtol=1e-3):
        return deviation
    return 1.0
